import { rm } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Endpoint, defaultEndpoint } from "../src/endpoints.ts";
import { git, tryGit } from "../src/git.ts";
import { type Scratch, createScratch } from "../src/scratch.ts";
import { type WorkTree, openWorkTree } from "../src/work-tree.ts";

/** The server runs all the while; plain git writes, repacks and collects in the same directory. */
describe("a repository that plain git works on too", () => {
  let endpoint: Endpoint;
  let scratch: Scratch;
  let local: WorkTree;
  let directory: string;
  let copy: WorkTree;

  beforeAll(async () => {
    endpoint = await defaultEndpoint.open();
    scratch = await createScratch();
    local = await openWorkTree(join(scratch.path, "local"), endpoint.env, "sha1");
    for (let i = 0; i < 20; i++)
      await local.commit(`commit ${i}`, { [`f${i % 5}.txt`]: `${i}\n`.repeat(50) });
    await local.git("push", "--quiet", endpoint.url("shared.git"), "main");
    directory = endpoint.directory?.("shared.git") as string;
    const path = join(scratch.path, "copy");
    await git(["clone", "--quiet", endpoint.url("shared.git"), path]);
    copy = await openWorkTree(path);
  });

  afterAll(async () => {
    await endpoint[Symbol.asyncDispose]();
    await scratch[Symbol.asyncDispose]();
  });

  /** Commits with plumbing only, straight into the served directory: loose objects and a loose ref. */
  async function commitBehindOurBack(ref: string): Promise<string> {
    const { stdout } = await tryGit(["rev-parse", "--verify", "--quiet", ref], { cwd: directory });
    const parent = stdout.trim() || (await git(["rev-parse", "main"], { cwd: directory }));
    const tree = await git(["rev-parse", "main^{tree}"], { cwd: directory });
    const oid = await git(["commit-tree", tree, "-p", parent, "-m", `on ${ref}`], { cwd: directory });
    await git(["update-ref", ref, oid], { cwd: directory });
    return oid;
  }

  async function expectFetched(ref: string, oid: string): Promise<void> {
    await copy.git("fetch", "--quiet", "--prune");
    expect(await copy.git("rev-parse", `origin/${ref}`)).toBe(oid);
    for (const cwd of [directory, copy.path]) {
      const { status, stderr } = await tryGit(["fsck", "--strict", "--no-dangling"], { cwd });
      expect({ status, stderr: stderr.replace(/^notice:.*\n|^Checking.*\n/gm, "") }).toEqual({
        status: 0,
        stderr: "",
      });
    }
  }

  it("shows a commit that commit-tree and update-ref made", async () => {
    await expectFetched("loose", await commitBehindOurBack("refs/heads/loose"));
  });

  it("serves on after repack -ad has replaced every pack", async () => {
    const oid = await commitBehindOurBack("refs/heads/repacked");
    await git(["repack", "-adq"], { cwd: directory });
    await expectFetched("repacked", oid);
  });

  it("serves on after pack-refs and gc", async () => {
    const oid = await commitBehindOurBack("refs/heads/collected");
    await git(["pack-refs", "--all", "--prune"], { cwd: directory });
    await git(["gc", "--quiet", "--prune=now"], { cwd: directory });
    await expectFetched("collected", oid);
  });

  it("lets pushes and deletions go on over packed refs", async () => {
    await local.commit("after gc", { "g.txt": "g\n" });
    await local.git("push", "--quiet", endpoint.url("shared.git"), "main", ":refs/heads/loose");
    expect(await git(["for-each-ref", "--format=%(refname)"], { cwd: directory })).not.toContain(
      "heads/loose",
    );
    await expectFetched("main", await local.git("rev-parse", "main"));
  });

  it("loses no push while git repacks and collects in a loop", { timeout: 600_000 }, async () => {
    let pushing = true;
    const collect = (async () => {
      while (pushing) {
        await git(["repack", "-adq"], { cwd: directory });
        await git(["pack-refs", "--all"], { cwd: directory });
        // Not --prune=now, which takes the quarantine of a push under way for garbage, git's own included.
        await git(["gc", "--quiet"], { cwd: directory });
      }
    })();
    try {
      for (let i = 0; i < 12; i++) {
        const oid = await local.commit(`racing ${i}`, { "race.txt": `${i}\n` });
        await local.git("push", "--quiet", endpoint.url("shared.git"), `main:refs/heads/race-${i}`);
        await copy.git("fetch", "--quiet");
        expect(await copy.git("rev-parse", `origin/race-${i}`)).toBe(oid);
      }
    } finally {
      pushing = false;
      await collect;
    }
    await expectFetched("race-11", await local.git("rev-parse", "main"));
  });

  it("finds every object while git repacks without pause", { timeout: 600_000 }, async () => {
    let reading = true;
    let tip = "";
    const repack = (async () => {
      while (reading) {
        tip = await commitBehindOurBack("refs/heads/restless");
        await git(["repack", "-adq"], { cwd: directory });
      }
    })();
    try {
      for (let i = 0; i < 20; i++) {
        const path = join(scratch.path, `restless-${i}`);
        const before = tip;
        await git(["clone", "--quiet", "--mirror", endpoint.url("shared.git"), path]);
        if (before !== "") expect((await tryGit(["cat-file", "-e", before], { cwd: path })).status).toBe(0);
        expect((await tryGit(["fsck", "--strict"], { cwd: path })).status).toBe(0);
        await local.git(
          "push",
          "--quiet",
          "--force",
          endpoint.url("shared.git"),
          `main~${i}:refs/heads/to-and-fro`,
        );
      }
    } finally {
      reading = false;
      await repack;
    }
  });

  it("sees that a repository was removed, and lets a push create it again", async () => {
    const url = endpoint.url("removed.git");
    await local.git("push", "--quiet", url, "main");
    await git(["ls-remote", url]);
    await rm(endpoint.directory?.("removed.git") as string, { recursive: true });
    expect((await tryGit(["ls-remote", url])).stderr).toContain("not found");
    await local.git("push", "--quiet", url, "main:refs/heads/again");
    await rm(endpoint.directory?.("removed.git") as string, { recursive: true });
    await local.git("push", "--quiet", url, "main:refs/heads/third");
    expect(await git(["ls-remote", url])).toMatch(/HEAD\n.*refs\/heads\/third$/);
  });
});
