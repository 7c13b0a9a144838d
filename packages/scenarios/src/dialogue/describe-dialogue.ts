import { join } from "node:path";
import { afterAll, beforeAll, beforeEach, describe, expect, it } from "vitest";
import type { ObjectFormat } from "@millrace/pack";
import type { Endpoint, EndpointKind } from "../endpoints.ts";
import { git, tryGit } from "../git.ts";
import { createScratch, type Scratch } from "../scratch.ts";
import { follow, type Followed, type Remote } from "./follow.ts";
import { openOracle, type Oracle, type Transport } from "./oracle.ts";
import { clones, sequences } from "./steps.ts";

/** One way to talk to one kind of endpoint. */
export interface DialogueRun {
  readonly kind: EndpointKind;
  readonly format: ObjectFormat;
  readonly protocol: number;
  /** Which of the clones are made: every `of`th, from `at` on. */
  readonly share: { readonly of: number; readonly at: number };
}

/** Describes the whole dialogue over endpoints of one transport: each clone must end as one from the real git does. */
export function describeDialogue(transport: Transport, runs: readonly DialogueRun[]): void {
  for (const format of ["sha1", "sha256"] as const) {
    const ofFormat = runs.filter((run) => run.format === format);
    if (ofFormat.length === 0) continue;
    describe(format, () => {
      let oracle: Oracle;
      beforeAll(async () => {
        oracle = await openOracle(transport, format);
      });
      afterAll(() => oracle[Symbol.asyncDispose]());

      for (const protocol of [0, 1, 2]) {
        /** What the real git's clones have, made once for all kinds of endpoint. */
        const theirs = new Map<string, Promise<Followed>>();
        for (const run of ofFormat.filter((each) => each.protocol === protocol)) {
          describe(`the dialogue over ${run.kind.name}, protocol ${protocol}`, () => {
            describeRun(run, () => oracle, theirs);
          });
        }
      }
    });
  }
}

function describeRun(
  { kind, format, protocol, share }: DialogueRun,
  getOracle: () => Oracle,
  theirs: Map<string, Promise<Followed>>,
): void {
  let endpoint: Endpoint;
  let scratch: Scratch;
  let oracle: Oracle;
  let missing: string | undefined;
  let counter = 0;
  const atomic = kind.hasNoAtomic === true ? [] : ["--atomic"];
  const version = ["-c", `protocol.version=${protocol}`];

  beforeAll(async () => {
    missing = await kind.missing?.();
    if (missing !== undefined) return;
    oracle = getOracle();
    endpoint = await kind.open();
    scratch = await createScratch();
    await endpoint.prepare("history.git", format);
    await git([...version, "push", "--quiet", "--mirror", endpoint.url("history.git")], {
      cwd: oracle.local.path,
      env: endpoint.env,
    });
  });

  beforeEach((context) => {
    if (missing !== undefined) context.skip(missing);
  });

  afterAll(async () => {
    if (missing !== undefined) return;
    await endpoint[Symbol.asyncDispose]();
    await scratch[Symbol.asyncDispose]();
  });

  const shared = [...clones.map((args) => [args]), ...sequences].filter((_, i) => i % share.of === share.at);
  for (const steps of shared) {
    const name = steps.map((args) => args.join(" ")).join(", ");
    it(`clone ${name}`, async () => {
      const ours: Remote = { url: endpoint.url("history.git"), env: endpoint.env, protocol };
      const path = join(scratch.path, `ours-${counter++}`);
      const followed = await follow(ours, steps, path);
      let expected = theirs.get(name);
      if (expected === undefined) {
        expected = follow(
          { url: oracle.url, env: {}, protocol },
          steps,
          join(scratch.path, `theirs-${counter++}`),
        );
        theirs.set(name, expected);
      }
      expect(followed).toEqual(await expected);
    });
  }

  it("lists refs as git does", async () => {
    const list = (url: string, env = {}): Promise<string> =>
      git([...version, "ls-remote", "--symref", url], { env });
    expect(await list(endpoint.url("history.git"), endpoint.env)).toBe(await list(oracle.url));
  });

  it("fetches by id, and refuses what is not there", async () => {
    const path = join(scratch.path, `by-id-${counter++}`);
    await git(["init", "--quiet", `--object-format=${format}`, path]);
    const tip = await oracle.local.git("rev-parse", "open");
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
    await run(
      oracle.local.path,
      "push",
      "--quiet",
      ...atomic,
      endpoint.url(name),
      "main",
      "open",
      "v1",
      "v2",
    );
    const shallow = join(scratch.path, `shallow-${counter++}`);
    await run(scratch.path, "clone", "--quiet", "--depth=1", endpoint.url(name), shallow);
    await git(["commit", "--quiet", "--allow-empty", "--message", "on top"], { cwd: shallow });
    await run(shallow, "push", "--quiet", "origin", "HEAD:refs/heads/from-shallow");
    await run(
      oracle.local.path,
      "push",
      "--quiet",
      "--prune",
      endpoint.url(name),
      "refs/heads/*:refs/heads/*",
    );
    await run(oracle.local.path, "push", "--quiet", "--mirror", endpoint.url(name));
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
        cwd: oracle.local.path,
        env: endpoint.env,
      });
    const taking = `options-${counter++}.git`;
    await endpoint.createEmpty(taking, "main", format, [
      { key: "receive.advertisepushoptions", value: "true" },
    ]);
    expect(await push(taking)).toMatchObject({ status: 0 });
    expect(await git(["ls-remote", endpoint.url(taking), "main"], { env: endpoint.env })).toContain(
      await oracle.local.git("rev-parse", "main"),
    );
    const refusing = `options-${counter++}.git`;
    await endpoint.createEmpty(refusing, "main", format);
    expect((await push(refusing)).stderr).toContain("the receiving end does not support push options");
  });

  it("clones with --reference, and with submodules", async () => {
    const referenced = join(scratch.path, `referenced-${counter++}`);
    await git(
      [
        ...version,
        "clone",
        "--quiet",
        "--reference",
        oracle.local.path,
        endpoint.url("history.git"),
        referenced,
      ],
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
      await oracle.local.git("rev-parse", "main"),
    );
  });
}
