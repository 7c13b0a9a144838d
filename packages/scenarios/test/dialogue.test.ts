import { join } from "node:path";
import { pathToFileURL } from "node:url";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { readCloneState } from "../src/clone-state.ts";
import { type Endpoint, endpointKinds } from "../src/endpoints.ts";
import { git, tryGit } from "../src/git.ts";
import { isLight } from "../src/light.ts";
import { type GitHttpBackend, startGitHttpBackend } from "../src/git-http-backend.ts";
import { commitTime, createHistory } from "../src/history.ts";
import { type Scratch, createScratch } from "../src/scratch.ts";
import type { WorkTree } from "../src/work-tree.ts";

/** Each is done to a repository of ours and to one of the real git's; the clones must be alike. */
const clones: readonly (readonly string[])[] = [
  [],
  ["--mirror"],
  ["--single-branch", "--branch=open"],
  ["--no-tags"],
  ["--depth=1"],
  ["--depth=3"],
  ["--depth=2", "--no-single-branch"],
  ["--depth=2147483647"],
  [`--shallow-since=${commitTime(14)}`],
  ["--shallow-exclude=v1"],
  ["--shallow-exclude=v1", `--shallow-since=${commitTime(12)}`],
  ["--filter=blob:none", "--no-checkout"],
  ["--filter=blob:limit=1k", "--no-checkout"],
  ["--filter=tree:0", "--no-checkout"],
  ["--filter=tree:2", "--no-checkout"],
  ["--filter=object:type=commit", "--no-checkout"],
  ["--filter=sparse:oid=main:.sparse", "--no-checkout"],
  ["--filter=combine:blob:limit=20+tree:3", "--no-checkout"],
  ["--filter=blob:none", "--depth=2", "--no-checkout"],
];

/** Fetches one after another into one clone. */
const sequences: readonly (readonly (readonly string[])[])[] = [
  [["--depth=1"], ["--deepen=2"], ["--deepen=1"], ["--unshallow"]],
  [["--depth=2", "--no-single-branch"], ["--depth=5"], [`--shallow-since=${commitTime(10)}`], ["--depth=1"]],
  [["--shallow-exclude=v1"], ["--unshallow", "--tags"]],
];

const runs = endpointKinds
  .flatMap((kind) => (["sha1", "sha256"] as const).map((format) => ({ kind, format })))
  .flatMap((run) => [0, 1, 2].map((protocol) => ({ ...run, protocol })))
  // The second Node runs a diagonal of the matrix: one format and protocol for each kind.
  .filter((_, index) => !isLight || index % 7 === 2);

for (const { kind, format, protocol } of runs)
  describe(`the dialogue over ${kind.name}, ${format}, protocol ${protocol}`, () => {
    let endpoint: Endpoint;
    let scratch: Scratch;
    let local: WorkTree;
    let oracle: string;
    let backend: GitHttpBackend | undefined;
    let counter = 0;
    const version = ["-c", `protocol.version=${protocol}`];

    beforeAll(async () => {
      endpoint = await kind.open();
      scratch = await createScratch();
      local = await createHistory(join(scratch.path, "local"), format);
      oracle = join(scratch.path, "oracle.git");
      await git(["clone", "--quiet", "--mirror", local.path, oracle]);
      for (const key of ["uploadpack.allowFilter", "uploadpack.allowAnySHA1InWant"]) {
        await git(["config", key, "true"], { cwd: oracle });
      }
      // Over the same kind of transport, since git's client fetches tags in other steps over HTTP.
      if (kind.name.startsWith("HTTP")) backend = await startGitHttpBackend(scratch.path);
      await endpoint.prepare("history.git", format);
      await push("history.git", "--quiet", "--mirror");
    });

    afterAll(async () => {
      await endpoint[Symbol.asyncDispose]();
      await scratch[Symbol.asyncDispose]();
    });

    function oracleUrl(): string {
      return backend === undefined ? pathToFileURL(oracle).href : `${backend.url}/oracle.git`;
    }

    async function push(name: string, ...args: string[]): Promise<void> {
      await git(
        [...version, "push", ...args.slice(0, -1), endpoint.url(name), ...args.slice(-1)].filter(Boolean),
        {
          cwd: local.path,
          env: endpoint.env,
        },
      );
    }

    /** Clones from us and from git; returns both paths. */
    async function cloneBoth(args: readonly string[]): Promise<{ ours: string; theirs: string }> {
      const ours = join(scratch.path, `ours-${counter}`);
      const theirs = join(scratch.path, `theirs-${counter++}`);
      await git([...version, "clone", "--quiet", ...args, endpoint.url("history.git"), ours], {
        env: endpoint.env,
      });
      await git([...version, "clone", "--quiet", ...args, oracleUrl(), theirs]);
      return { ours, theirs };
    }

    /** Makes git need what a filter left out, and returns what it then says. */
    async function readLazily(cwd: string, env: Readonly<Record<string, string>> = {}): Promise<string[]> {
      const run = (...args: string[]): Promise<string> => git([...version, ...args], { cwd, env });
      await run("checkout", "--quiet", "main");
      return [
        await run("status", "--porcelain"),
        await run("rev-parse", "HEAD^{tree}"),
        await run("cat-file", "-p", "HEAD~1:README"),
        await run("diff", "--stat", "HEAD~1", "HEAD"),
      ];
    }

    async function expectAlike(ours: string, theirs: string): Promise<void> {
      expect(await readCloneState(ours)).toEqual(await readCloneState(theirs));
      const { status, stderr } = await tryGit(["fsck", "--strict", "--no-dangling"], {
        cwd: ours,
        env: { GIT_NO_LAZY_FETCH: "1" },
      });
      expect({ status, stderr: stderr.replace(/^notice:.*\n|^Checking.*\n/gm, "") }).toEqual({
        status: 0,
        stderr: "",
      });
    }

    for (const args of clones)
      it(`clone ${args.join(" ")}`, async () => {
        const { ours, theirs } = await cloneBoth(args);
        await expectAlike(ours, theirs);
        if (!args.some((arg) => arg.startsWith("--filter"))) return;
        // What the filter left out is fetched when git comes upon it.
        const [here, there] = await Promise.all([readLazily(ours, endpoint.env), readLazily(theirs)]);
        expect(here).toEqual(there);
        await expectAlike(ours, theirs);
      });

    for (const steps of sequences)
      it(`fetch ${steps.flat().join(", ")}`, async () => {
        const [first = [], ...rest] = steps;
        const { ours, theirs } = await cloneBoth(first);
        for (const step of rest) {
          await git([...version, "fetch", "--quiet", ...step], { cwd: ours, env: endpoint.env });
          await git([...version, "fetch", "--quiet", ...step], { cwd: theirs });
          await expectAlike(ours, theirs);
        }
      });

    it("lists refs as git does", async () => {
      const list = (url: string, env = {}): Promise<string> =>
        git([...version, "ls-remote", "--symref", url], { env });
      expect(await list(endpoint.url("history.git"), endpoint.env)).toBe(await list(oracleUrl()));
    });

    it("fetches by id, and refuses what is not there", async () => {
      const path = join(scratch.path, `by-id-${counter++}`);
      await git(["init", "--quiet", `--object-format=${format}`, path]);
      const tip = await local.git("rev-parse", "open");
      await git([...version, "fetch", "--quiet", endpoint.url("history.git"), tip], {
        cwd: path,
        env: endpoint.env,
      });
      expect(await git(["rev-parse", "FETCH_HEAD"], { cwd: path })).toBe(tip);
      const absent = "1".repeat(tip.length);
      const refused = await tryGit([...version, "fetch", endpoint.url("history.git"), absent], {
        cwd: path,
        env: endpoint.env,
      });
      expect(refused.status).not.toBe(0);
      expect(refused.stderr).toMatch(/not our ref|unadvertised object/);
    });

    it("pushes --atomic, --prune and --mirror, and from a shallow clone", async () => {
      const name = `pushed-${counter++}.git`;
      await endpoint.prepare(name, format);
      const run = (cwd: string, ...args: string[]): Promise<string> =>
        git([...version, ...args], { cwd, env: endpoint.env });
      await run(local.path, "push", "--quiet", "--atomic", endpoint.url(name), "main", "open", "v1", "v2");
      const shallow = join(scratch.path, `shallow-${counter++}`);
      await run(scratch.path, "clone", "--quiet", "--depth=1", endpoint.url(name), shallow);
      await git(["commit", "--quiet", "--allow-empty", "--message", "on top"], { cwd: shallow });
      await run(shallow, "push", "--quiet", "origin", "HEAD:refs/heads/from-shallow");
      await run(local.path, "push", "--quiet", "--prune", endpoint.url(name), "refs/heads/*:refs/heads/*");
      await run(local.path, "push", "--quiet", "--mirror", endpoint.url(name));
      expect(await git(["ls-remote", endpoint.url(name)], { env: endpoint.env })).toBe(
        await git(["ls-remote", endpoint.url("history.git")], { env: endpoint.env }),
      );
      const directory = endpoint.directory?.(name);
      if (directory !== undefined)
        expect((await tryGit(["fsck", "--strict"], { cwd: directory })).status).toBe(0);
    });

    it("pushes --push-option where the repository takes them", async () => {
      const push = (name: string): ReturnType<typeof tryGit> =>
        tryGit([...version, "push", "--push-option=ci.skip", "-o", "topic=x y", endpoint.url(name), "main"], {
          cwd: local.path,
          env: endpoint.env,
        });
      const taking = `options-${counter++}.git`;
      await endpoint.createEmpty(taking, "main", format, [
        { key: "receive.advertisepushoptions", value: "true" },
      ]);
      expect(await push(taking)).toMatchObject({ status: 0 });
      expect(await git(["ls-remote", endpoint.url(taking), "main"], { env: endpoint.env })).toContain(
        await local.git("rev-parse", "main"),
      );
      const refusing = `options-${counter++}.git`;
      await endpoint.createEmpty(refusing, "main", format);
      expect((await push(refusing)).stderr).toContain("the receiving end does not support push options");
    });

    it("clones with --reference, and with submodules", async () => {
      const referenced = join(scratch.path, `referenced-${counter++}`);
      await git(
        [...version, "clone", "--quiet", "--reference", local.path, endpoint.url("history.git"), referenced],
        {
          env: endpoint.env,
        },
      );
      expect((await tryGit(["fsck", "--strict"], { cwd: referenced })).status).toBe(0);
      const name = `super-${counter++}.git`;
      await endpoint.prepare(name, format);
      const outer = join(scratch.path, `outer-${counter++}`);
      await git(["init", "--quiet", `--object-format=${format}`, outer]);
      const run = (...args: string[]): Promise<string> =>
        git([...version, ...args], { cwd: outer, env: endpoint.env });
      await run("submodule", "--quiet", "add", endpoint.url("history.git"), "inner");
      await run("commit", "--quiet", "--message", "with a submodule");
      await run("push", "--quiet", endpoint.url(name), "HEAD:refs/heads/main");
      const whole = join(scratch.path, `whole-${counter++}`);
      await git([...version, "clone", "--quiet", "--recurse-submodules", endpoint.url(name), whole], {
        env: endpoint.env,
      });
      expect(await git(["rev-parse", "HEAD"], { cwd: join(whole, "inner") })).toBe(
        await local.git("rev-parse", "main"),
      );
    });
  });
