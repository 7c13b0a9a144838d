import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { type Endpoint, defaultEndpoint } from "../src/endpoints.ts";
import { git, tryGit } from "../src/git.ts";
import { type Scratch, createScratch } from "../src/scratch.ts";
import { type WorkTree, openWorkTree } from "../src/work-tree.ts";

/** What a repository's own configuration forbids or allows, in the words that git users know. */
describe("a repository's configuration", () => {
  let endpoint: Endpoint;
  let scratch: Scratch;
  let local: WorkTree;
  let counter = 0;

  beforeAll(async () => {
    endpoint = await defaultEndpoint.open();
    scratch = await createScratch();
    local = await openWorkTree(join(scratch.path, "local"), endpoint.env, "sha1");
    for (let i = 0; i < 4; i++) await local.commit(`c${i}`, { "a.txt": `${i}\n` });
  });

  afterAll(async () => {
    await endpoint[Symbol.asyncDispose]();
    await scratch[Symbol.asyncDispose]();
  });

  /** A remote with `main` and `topic`, configured. */
  async function remote(...settings: readonly (readonly [string, string])[]): Promise<string> {
    const name = `configured-${counter++}.git`;
    await local.git(
      "push",
      "--quiet",
      endpoint.url(name),
      "main",
      "main:refs/heads/topic",
      "main:refs/secret/x",
    );
    // The server has read the configuration by now; it must see the change.
    for (const [key, value] of settings)
      await git(["config", "--add", key, value], { cwd: endpoint.directory?.(name) });
    return endpoint.url(name);
  }

  it("receive.denyDeletes: deletion prohibited", async () => {
    const url = await remote(["receive.denyDeletes", "true"]);
    const { status, stderr } = await local.tryGit("push", url, ":topic");
    expect(status).toBe(1);
    expect(stderr).toContain("remote: error: denying ref deletion for refs/heads/topic");
    expect(stderr).toContain("! [remote rejected] topic (deletion prohibited)");
  });

  it("receive.denyNonFastForwards: non-fast-forward", async () => {
    const url = await remote(["receive.denyNonFastForwards", "true"]);
    const { status, stderr } = await local.tryGit("push", "--force", url, "main~2:topic");
    expect(status).toBe(1);
    expect(stderr).toContain(
      "remote: error: denying non-fast-forward refs/heads/topic (you should pull first)",
    );
    expect(stderr).toContain("! [remote rejected] main~2 -> topic (non-fast-forward)");
    await local.git("push", "--quiet", url, "main:refs/heads/forward");
  });

  it("receive.denyDeleteCurrent: the current branch may go where it is allowed", async () => {
    const url = await remote(["receive.denyDeleteCurrent", "ignore"]);
    await local.git("push", "--quiet", url, ":main");
    expect(await git(["ls-remote", url])).not.toContain("refs/heads/main");
  });

  it("receive.maxInputSize: pack exceeds maximum allowed size", async () => {
    const url = await remote(["receive.maxInputSize", "1k"]);
    await local.git("checkout", "--quiet", "-B", "wide", "main");
    await local.commit("wide", {
      "wide.txt": Array.from({ length: 2000 }, (_, i) => `${i * 7919}`).join(" "),
    });
    const { status, stderr } = await local.tryGit("push", url, "wide");
    await local.git("checkout", "--quiet", "main");
    expect(status).toBe(1);
    expect(stderr).toContain("remote: fatal: pack exceeds maximum allowed size");
  });

  it("transfer.hideRefs: hidden refs are neither seen nor moved", async () => {
    const url = await remote(["transfer.hideRefs", "refs/secret"]);
    expect(await git(["ls-remote", url])).not.toContain("refs/secret");
    for (const protocol of [0, 1, 2]) {
      expect(await git(["-c", `protocol.version=${protocol}`, "ls-remote", url])).not.toContain(
        "refs/secret",
      );
    }
    const moved = await local.tryGit("push", url, "main:refs/secret/y");
    expect(moved.stderr).toContain("(deny updating a hidden ref)");
    const deleted = await local.tryGit("push", url, ":refs/secret/x");
    expect(deleted.stderr).toContain("(deny deleting a hidden ref)");
  });

  it("receive.advertisePushOptions: push options are taken where they are offered", async () => {
    const offered = await remote(["receive.advertisePushOptions", "true"]);
    await local.git(
      "push",
      "--quiet",
      "--push-option=ci.skip",
      "--push-option=two words",
      offered,
      "main:refs/heads/opted",
    );
    const refused = await local.tryGit("push", "--push-option=x", await remote(), "main:refs/heads/opted");
    expect(refused.status).not.toBe(0);
    expect(refused.stderr).toContain("the receiving end does not support push options");
  });

  it("receive.fsckObjects and receive.fsck.<id>: checks can be turned down", async () => {
    const blob = await local.git("rev-parse", "main:a.txt");
    const badTree = await git(["hash-object", "-w", "-t", "tree", "--literally", "--stdin"], {
      cwd: local.path,
      input: Buffer.concat([Buffer.from("100644 .git\0"), Buffer.from(blob, "hex")]),
    });
    const commit = await local.git("commit-tree", badTree, "-m", "odd");
    const refspec = `${commit}:refs/heads/odd`;
    expect((await local.tryGit("push", await remote(), refspec)).stderr).toContain("hasDotgit");
    const told = await local.tryGit("push", await remote(["receive.fsck.hasDotgit", "warn"]), refspec);
    expect(told.status).toBe(0);
    expect(told.stderr).toMatch(/remote: warning: object [0-9a-f]{40}: hasDotgit: contains '\.git'/);
    await local.git("push", "--quiet", await remote(["receive.fsckObjects", "false"]), refspec);
  });

  it("uploadpackfilter: a filter that is not allowed is refused by name", async () => {
    const url = await remote(["uploadpackfilter.blob:none.allow", "false"]);
    const { status, stderr } = await tryGit([
      "clone",
      "--bare",
      "--filter=blob:none",
      url,
      join(scratch.path, "no"),
    ]);
    expect(status).toBe(128);
    expect(stderr).toContain("filter 'blob:none' not supported");
    await git(["clone", "--quiet", "--bare", "--filter=tree:0", url, join(scratch.path, "yes")]);
    const off = await remote(["uploadpack.allowFilter", "false"]);
    const ignored = await tryGit(["clone", "--bare", "--filter=blob:none", off, join(scratch.path, "off")]);
    expect(ignored.stderr).toContain("filtering not recognized by server, ignoring");
  });

  it("a push that would make the repository shallow: shallow update not allowed", async () => {
    const shallow = join(scratch.path, "shallow");
    await git(["clone", "--quiet", "--depth=1", await remote(), shallow]);
    const target = endpoint.url(`fresh-${counter++}.git`);
    const { status, stderr } = await tryGit(["push", target, "HEAD:refs/heads/main"], { cwd: shallow });
    expect(status).toBe(1);
    expect(stderr).toContain("(shallow update not allowed)");
  });
});
