import { chmod, cp, mkdir, readFile, readdir, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type GitServer, createWorkTreeUpdater, startServer } from "@millrace/server";
import type { Storage } from "@millrace/storage";
import { openFsStorage } from "@millrace/storage-fs";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { endpointKinds } from "../src/endpoints.ts";
import { type GitHttpBackend, startGitHttpBackend } from "../src/git-http-backend.ts";
import { git, gitEnvironment, tryGit } from "../src/git.ts";
import { type Scratch, createScratch } from "../src/scratch.ts";
import { INSTEAD, type WorkTreePush, workTreePushes } from "../src/work-tree-pushes.ts";
import { type WorkTree, openWorkTree } from "../src/work-tree.ts";

const at = (cwd: string, ...args: string[]): Promise<string> => git(args, { cwd });

const formats = ["sha1", "sha256"] as const;

describe.each(formats)("pushes into working trees, as git takes them: %s", (format) => {
  /** Ids are longer in the other format, and nothing else is: it runs a sample. */
  const sampled = workTreePushes.filter((_, index) => format === "sha1" || index % 3 === 0);
  let scratch: Scratch;
  let local: WorkTree;
  let template: string;
  let storage: Storage;
  let server: GitServer;
  let backend: GitHttpBackend;
  let counter = 0;
  const ours = (): string => join(scratch.path, "ours");
  const theirs = (): string => join(scratch.path, "theirs");

  beforeAll(async () => {
    scratch = await createScratch();
    for (const root of [ours(), theirs()]) await mkdir(root);
    local = await openWorkTree(join(scratch.path, "local"), {}, format);
    await local.commit("one", { "a.txt": "one\n", "e.txt": "e\n" });
    await local.commit("two", { "a.txt": "two\n" });
    template = join(scratch.path, "template");
    await local.git("branch", "side");
    await local.git("branch", "gone");
    await git(["clone", "--quiet", local.path, template]);
    for (const branch of ["side", "gone"]) await at(template, "branch", branch, `origin/${branch}`);
    await at(template, "remote", "remove", "origin");
    await local.git("checkout", "--quiet", "-b", "next");
    await local.commit("three", { "a.txt": "three\n", "b.txt": "b\n", "e.txt": "ee\n" });
    storage = openFsStorage({ root: ours(), updateWorkTree: createWorkTreeUpdater(gitEnvironment) });
    server = await startServer(storage, { host: "127.0.0.1", port: 0 }, { version: "test" });
    backend = await startGitHttpBackend(theirs());
  });

  afterAll(async () => {
    await server.close(0);
    await storage[Symbol.asyncDispose]();
    await backend[Symbol.asyncDispose]();
    await scratch[Symbol.asyncDispose]();
  });

  async function make(site: string, { config = {}, before, isEmpty }: WorkTreePush): Promise<void> {
    if (isEmpty === true) await git(["init", "--quiet", `--object-format=${format}`, site]);
    else await cp(template, site, { recursive: true });
    // The web server of git takes pushes only from those it knows, or where it is told to.
    for (const [key, value] of Object.entries({ "http.receivepack": "true", ...config })) {
      await at(site, "config", key, value);
    }
    await before?.(site);
  }

  /** What the user hears, and what is left of the repository. */
  async function pushTo(url: string, site: string, refspecs: readonly string[]): Promise<unknown> {
    const { status, stderr } = await local.tryGit("push", url, ...refspecs);
    const said = stderr
      .replaceAll(url, "URL")
      .replaceAll(site, "SITE")
      .split("\n")
      // What git's own commands say goes to the web server's log there, and progress is no matter here.
      .filter(
        (line) =>
          !/^remote: (?:error|fatal|a\.txt): (?:Untracked|Unable|.*needs update)|^remote: \t|Resolving deltas/.test(
            line,
          ),
      )
      .filter(
        (line) =>
          !/^remote: (?:Please|Aborting|Another git process|an editor|are terminated|may have|remove the file|fatal|\s*$)/.test(
            line,
          ),
      );
    return { status, said, ...(await stateOf(site)) };
  }

  async function stateOf(site: string): Promise<Record<string, unknown>> {
    const trees: Record<string, unknown> = {};
    for (const path of [site, `${site}-linked`]) {
      const names = (await readdir(path, { recursive: true }).catch(() => [])).filter(
        (name) => !name.startsWith(".git") && name.endsWith(".txt"),
      );
      const files = names.toSorted().map(async (name) => [name, await readFile(join(path, name), "utf8")]);
      trees[path.slice(site.length)] = await Promise.all(files);
    }
    const cwd = site;
    return {
      trees,
      status: (await tryGit(["status", "--porcelain"], { cwd })).stdout,
      refs: await git(["for-each-ref"], { cwd }),
      left: (await readdir(join(site, ".git"))).filter((name) => name.endsWith(".lock")),
    };
  }

  it.each(sampled.map((each) => [each.name, each] as const))("%s", async (_, each) => {
    const name = `site-${counter++}`;
    for (const root of [ours(), theirs()]) await make(join(root, name), each);
    const got = await pushTo(
      `http://127.0.0.1:${server.address.port}/${name}`,
      join(ours(), name),
      each.refspecs,
    );
    const expected = await pushTo(`${backend.url}/${name}/.git`, join(theirs(), name), each.refspecs);
    expect(got).toEqual(expected);
  });

  it("updates files where core.worktree says they lie; git updates those beside .git", async () => {
    const site = join(ours(), `site-${counter++}`);
    await make(site, { name: "", config: INSTEAD, refspecs: [] });
    const elsewhere = `${site}-elsewhere`;
    await cp(site, elsewhere, { recursive: true });
    await rm(join(elsewhere, ".git"), { recursive: true });
    await at(site, "config", "core.worktree", elsewhere);
    await local.git(
      "push",
      "--quiet",
      `http://127.0.0.1:${server.address.port}/site-${counter - 1}`,
      "next:main",
    );
    expect(await readFile(join(elsewhere, "a.txt"), "utf8")).toBe("three\n");
    expect(await readFile(join(site, "a.txt"), "utf8")).toBe("two\n");
    expect(await at(site, "status", "--porcelain")).toBe("");
  });

  it("leaves the working tree to a push-to-checkout hook, which is not run", async () => {
    const site = join(ours(), `site-${counter++}`);
    await make(site, { name: "", config: INSTEAD, refspecs: [] });
    const hook = join(site, ".git/hooks/push-to-checkout");
    await mkdir(join(site, ".git/hooks"), { recursive: true });
    await writeFile(hook, "#!/bin/sh\nexit 0\n");
    await chmod(hook, 0o755);
    const url = `http://127.0.0.1:${server.address.port}/site-${counter - 1}`;
    const { stderr } = await local.tryGit("push", url, "next:main");
    expect(stderr).toContain("! [remote rejected] next -> main (push-to-checkout hooks are not run here)");
    await chmod(hook, 0o644);
    await local.git("push", "--quiet", url, "next:main");
    expect(await readFile(join(site, "a.txt"), "utf8")).toBe("three\n");
  });

  it.each([
    ["no git is installed", createWorkTreeUpdater({ PATH: "/nonexistent" }), "which is not installed here"],
    ["the server runs no git", undefined, "which this server does not run"],
  ] as const)("refuses where %s", async (_, updateWorkTree, why) => {
    const root = join(scratch.path, `without-${counter++}`);
    await make(join(root, "site"), { name: "", config: INSTEAD, refspecs: [] });
    const lame = openFsStorage({ root, updateWorkTree });
    const without = await startServer(lame, { host: "127.0.0.1", port: 0 }, { version: "test" });
    try {
      const url = `http://127.0.0.1:${without.address.port}/site`;
      const { status, stderr } = await local.tryGit("push", url, "next:main", "next:other");
      expect(status).toBe(1);
      expect(stderr).toContain(
        `! [remote rejected] next -> main (denyCurrentBranch = updateInstead needs git, ${why})`,
      );
      expect(stderr).toContain("* [new branch]      next -> other");
      expect(await readFile(join(root, "site", "a.txt"), "utf8")).toBe("two\n");
    } finally {
      await without.close(0);
      await lame[Symbol.asyncDispose]();
    }
  });

  it("works over stdio too", async () => {
    const endpoint = await endpointKinds.find(({ name }) => name.startsWith("stdio"))!.open();
    try {
      const site = endpoint.directory?.("site") ?? "";
      await make(site, { name: "", config: INSTEAD, refspecs: [] });
      const push = await tryGit(["push", endpoint.url("site"), "next:main"], {
        cwd: local.path,
        env: endpoint.env,
      });
      expect(push).toMatchObject({ status: 0 });
      expect(await readFile(join(site, "a.txt"), "utf8")).toBe("three\n");
      expect(await at(site, "status", "--porcelain")).toBe("");
    } finally {
      await endpoint[Symbol.asyncDispose]();
    }
  });
});
