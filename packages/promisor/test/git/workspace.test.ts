import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { join } from "node:path";
import { openDirectoryTransport, openRemote, type Remote } from "@millrace/protocol-v2/client";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  createPromisor,
  openRemoteSource,
  openWorkspace,
  restoreWorkspace,
  SharedPromisor,
  snapshot,
  type Workspace,
} from "../../src/index.ts";
import { type CountingSource, countRequests } from "../support/counting-source.ts";
import { createLentRepository, git, gitBytes, type LentRepository } from "../support/repository.ts";

const author = {
  name: "Ä U Thor",
  email: "author@example.com",
  date: new Date(1_700_000_123_000),
  zoneMinutes: -210,
};

describe.each(["sha1", "sha256"] as const)("a workspace, %s", (format) => {
  let lent: LentRepository;
  let remote: Remote;
  let source: CountingSource;
  let objects: SharedPromisor;
  let start: Workspace;
  let scratch: string;

  beforeAll(async () => {
    lent = await createLentRepository(format);
    git(lent.path, ["config", "receive.denyCurrentBranch", "ignore"]);
    remote = openRemote(openDirectoryTransport(lent.path));
    source = countRequests(openRemoteSource(remote));
    objects = new SharedPromisor(await createPromisor(source));
    start = await openWorkspace({ objects, refs: remote }, "main");
    scratch = join(lent.root, "scratch");
    git(lent.root, ["clone", "-q", lent.path, scratch]);
  });
  afterAll(async () => {
    await remote[Symbol.asyncDispose]();
    await lent[Symbol.asyncDispose]();
  });

  /** The tree that git makes of the same changes to its index. */
  function treeByGit(...changes: readonly (readonly string[])[]): string {
    git(scratch, ["read-tree", "origin/main"]);
    for (const change of changes) git(scratch, change);
    return git(scratch, ["write-tree"]);
  }
  const blobByGit = (content: string): string => git(scratch, ["hash-object", "-w", "--stdin"], content);
  const cacheInfo = (mode: string, oid: string, path: string): string[] => [
    "update-index",
    "--add",
    "--cacheinfo",
    `${mode},${oid},${path}`,
  ];

  it("makes the trees that git makes", async () => {
    const before = source.requests.length;
    const written = await start.write("src/new/deep/file.txt", "new\n");
    const blob = blobByGit("new\n");
    expect(written.state.tree).toBe(treeByGit(cacheInfo("100644", blob, "src/new/deep/file.txt")));
    const executable = await written.write("run.sh", "new\n", { kind: "executable" });
    const kept = await executable.write("run.sh", "#!/bin/sh\n");
    expect((await kept.view.stat("run.sh")).kind).toBe("executable");
    const plain = await kept.setKind("run.sh", "file");
    expect((await plain.view.stat("run.sh")).kind).toBe("file");
    const linked = await start.symlink("src/link", "../README");
    expect(linked.state.tree).toBe(treeByGit(cacheInfo("120000", blobByGit("../README"), "src/link")));
    const removed = await start.remove("src/part-0", { recursive: true });
    expect(removed.state.tree).toBe(treeByGit(["rm", "-q", "-r", "--cached", "src/part-0"]));
    let emptied = start;
    for (let file = 0; file < 4; file++) emptied = await emptied.remove(`src/part-1/file-${file}.txt`);
    expect(emptied.state.tree).toBe(treeByGit(["rm", "-q", "-r", "--cached", "src/part-1"]));
    const renamed = await start.rename("src/part-2", "moved/to/here");
    const listed = git(scratch, ["ls-tree", "-r", "origin/main", "src/part-2"]);
    const moved = listed.split("\n").map((line) => {
      const [, mode = "", oid = "", path = ""] = /^(\d+) blob (\w+)\t(.*)$/.exec(line) ?? [];
      return cacheInfo(mode, oid, path.replace("src/part-2", "moved/to/here"));
    });
    expect(renamed.state.tree).toBe(treeByGit(["rm", "-q", "-r", "--cached", "src/part-2"], ...moved));
    expect(await renamed.rename("moved/to/here", "src/part-2")).toMatchObject({ state: start.state });
    // Trees came with the commit, and no file was needed.
    expect(source.requests.length).toBe(before);
  });

  it("refuses what no tree can have", async () => {
    const refusals: [Promise<unknown>, string][] = [
      [start.write("src", "x"), "PROMISOR_WRONG_KIND"],
      [start.write("README/below", "x"), "PROMISOR_WRONG_KIND"],
      [start.write("", "x"), "PROMISOR_BAD_ARGUMENT"],
      [start.write("a/../b", "x"), "PROMISOR_BAD_ARGUMENT"],
      [start.write("a/.GIT/config", "x"), "PROMISOR_BAD_ARGUMENT"],
      [start.write("a/git~1/config", "x"), "PROMISOR_BAD_ARGUMENT"],
      [start.symlink("a/.gitmodules", "x"), "PROMISOR_BAD_ARGUMENT"],
      [start.remove("absent"), "PROMISOR_NOT_FOUND"],
      [start.remove("src"), "PROMISOR_WRONG_KIND"],
      [start.rename("absent", "x"), "PROMISOR_NOT_FOUND"],
      [start.rename("README", "large.bin"), "PROMISOR_WRONG_KIND"],
      [start.setKind("src", "file"), "PROMISOR_WRONG_KIND"],
      [start.commit({ message: "nothing", author }), "PROMISOR_BAD_ARGUMENT"],
    ];
    for (const [refusal, code] of refusals) await expect(refusal).rejects.toMatchObject({ code });
  });

  it("tells what diff-tree tells", async () => {
    let changed = await start.write("README", "other\n");
    changed = await changed.write("a/b", "b\n");
    changed = await changed.remove("large.bin");
    changed = await changed.remove("src/part-0/file-1.txt");
    changed = await changed.setKind("src/part-1/file-0.txt", "executable");
    // A file becomes a folder, and a folder a file.
    changed = await (await changed.remove("src/part-2", { recursive: true })).write("src/part-2", "file\n");
    changed = await (await changed.remove("src/part-1/file-3.txt")).write("src/part-1/file-3.txt/x", "x\n");
    await importObjects();
    const theirs = git(scratch, [
      "diff-tree",
      "-r",
      "--no-renames",
      "--no-abbrev",
      start.state.tree,
      changed.state.tree,
    ]);
    const zero = "0".repeat(start.state.tree.length);
    const letters = { added: "A", deleted: "D", modified: "M" };
    const side = (entry: { mode: number } | undefined): string =>
      (entry?.mode ?? 0).toString(8).padStart(6, "0");
    const ours = (await changed.diff()).map(
      ({ path, change, before, after }) =>
        `:${side(before)} ${side(after)} ${before?.oid ?? zero} ${after?.oid ?? zero} ${letters[change]}\t${path}`,
    );
    expect(ours).toEqual(theirs.split("\n"));
    expect(await start.diff()).toEqual([]);
  });

  /** Puts a workspace's objects into git's repository. */
  async function importObjects(): Promise<void> {
    const chunks: Uint8Array[] = [];
    for await (const chunk of snapshot(objects.snapshot())) chunks.push(chunk.slice());
    git(scratch, ["unpack-objects", "-q"], Buffer.concat(chunks));
  }

  it("commits as commit-tree does, signed or not", async () => {
    const changed = await start.write("README", "committed\n");
    const { oid, workspace } = await changed.commit({ message: "mëssage", author });
    await importObjects();
    const theirs = execFileSync("git", ["commit-tree", changed.state.tree, "-p", "origin/main"], {
      cwd: scratch,
      input: "mëssage\n",
      env: {
        ...process.env,
        GIT_AUTHOR_NAME: author.name,
        GIT_AUTHOR_EMAIL: author.email,
        GIT_AUTHOR_DATE: "1700000123 -0330",
        GIT_COMMITTER_NAME: author.name,
        GIT_COMMITTER_EMAIL: author.email,
        GIT_COMMITTER_DATE: "1700000123 -0330",
      },
    });
    expect(oid).toBe(theirs.toString().trim());
    expect(workspace.isPristine).toBe(true);
    let signed = "";
    const signature = "-----BEGIN SIGNATURE-----\nabc\n\ndef\n-----END SIGNATURE-----";
    const second = await workspace.commit({
      message: "merge",
      author,
      mergeParents: [lent.oid("main~2")],
      sign(bytes) {
        signed = Buffer.from(bytes).toString();
        return `${signature}\n`;
      },
    });
    await importObjects();
    const name = format === "sha1" ? "gpgsig" : "gpgsig-sha256";
    const stored = gitBytes(scratch, ["cat-file", "commit", second.oid]).toString();
    expect(stored).toContain(`${name} ${signature.replaceAll("\n", "\n ")}\n`);
    expect(stored.replace(/^gpgsig.*\n(?: .*\n)*/m, "")).toBe(signed);
    git(scratch, ["fsck", "--strict", "--no-dangling", second.oid]);
  });

  it("pushes what it made, and never over somebody else's push", async () => {
    const changed = await (await start.write("pushed/one.txt", "1\n")).rename(
      "large.bin",
      "pushed/large.bin",
    );
    const first = await changed.commit({ message: "first", author });
    const more = await (await first.workspace.write("pushed/two.txt", "2\n")).commit({
      message: "second",
      author,
    });
    const before = source.requests.length;
    const { report, workspace } = await more.workspace.push(remote, "refs/heads/work");
    expect(report).toMatchObject({ unpackError: undefined, refs: [{ reason: undefined }] });
    // What was only moved is not fetched to be sent.
    expect(source.requests.length).toBe(before);
    expect(lent.oid("work")).toBe(more.oid);
    expect(git(lent.path, ["show", "work:pushed/two.txt"])).toBe("2");
    git(lent.path, ["fsck", "--strict", "--no-dangling"]);
    const next = await (await workspace.write("pushed/three.txt", "3\n")).commit({
      message: "third",
      author,
    });
    const rival = await (await workspace.write("pushed/three.txt", "!\n")).commit({
      message: "rival",
      author,
    });
    const won = await next.workspace.push(remote, "refs/heads/work");
    expect(won.report.refs[0]?.reason).toBeUndefined();
    const lost = await rival.workspace.push(remote, "refs/heads/work");
    expect(lost.report.refs[0]?.reason).toBeDefined();
    expect(lent.oid("work")).toBe(next.oid);
    const forced = await lost.workspace.push(remote, "refs/heads/work", { force: true });
    expect(forced.report.refs[0]?.reason).toBeUndefined();
    expect(lent.oid("work")).toBe(rival.oid);
  });

  it("sends what it changed as differences to what the server has", async () => {
    let sentBytes = 0;
    const counting: Pick<Remote, "openPush"> = {
      async openPush(options) {
        const push = await remote.openPush(options);
        async function* counted(pack: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array> {
          for await (const chunk of pack) {
            sentBytes += chunk.length;
            yield chunk;
          }
        }
        return {
          ...push,
          send: (request) => push.send({ ...request, pack: request.pack && counted(request.pack) }),
          [Symbol.asyncDispose]: () => push[Symbol.asyncDispose](),
        };
      },
    };
    const pushed = async (from: Workspace, ...versions: readonly Uint8Array[]): Promise<Workspace> => {
      let workspace = from;
      for (const [i, version] of versions.entries()) {
        const changed = await (await workspace.write("noise.bin", version)).write("note", `${i}`);
        workspace = (await changed.commit({ message: `version ${i}`, author })).workspace;
      }
      sentBytes = 0;
      const result = await workspace.push(counting, "refs/heads/thin");
      expect(result.report).toMatchObject({ unpackError: undefined, refs: [{ reason: undefined }] });
      expect(gitBytes(lent.path, ["show", "thin:noise.bin"]).equals(versions.at(-1)!)).toBe(true);
      git(lent.path, ["fsck", "--strict", "--no-dangling"]);
      return result.workspace;
    };
    const noise = randomBytes(200_000);
    const first = await pushed(start, noise);
    expect(sentBytes).toBeGreaterThan(noise.length);
    const changed = Buffer.concat([
      noise.subarray(0, 70_000),
      Buffer.from("changed"),
      noise.subarray(70_100),
    ]);
    const second = await pushed(first, changed);
    expect(sentBytes).toBeLessThan(2000);
    // There and back again, and forth: what has come before is not sent, and nothing is told by itself.
    const longer = Buffer.concat([changed, noise.subarray(0, 1000)]);
    await pushed(second, longer, changed, longer, Buffer.concat([longer, Buffer.from("end")]));
    expect(sentBytes).toBeLessThan(8000);
  });

  it("is a small value, of which branches are copies", async () => {
    const a = await start.write("a.txt", "a\n");
    const b = await a.write("b.txt", "b\n");
    const other = await a.write("b.txt", "other\n");
    expect(Buffer.from(await b.view.readFile("b.txt")).toString()).toBe("b\n");
    expect(Buffer.from(await other.view.readFile("b.txt")).toString()).toBe("other\n");
    expect(await a.view.exists("b.txt")).toBe(false);
    const saved = JSON.parse(JSON.stringify(b.state)) as typeof b.state;
    expect((await restoreWorkspace(objects, saved).diff()).map(({ path }) => path)).toEqual([
      "a.txt",
      "b.txt",
    ]);
    expect(await b.write("b.txt", "b\n")).toBe(b);
  });

  it("holds what a folder of files would hold, whatever is done to it", async () => {
    const path = fc
      .array(fc.constantFrom("a", "b", "a.txt", "B"), { minLength: 1, maxLength: 3 })
      .map((names) => names.join("/"));
    const step = fc.record({ path, content: fc.option(fc.constantFrom("1", "2"), { nil: undefined }) });
    await fc.assert(
      fc.asyncProperty(fc.array(step, { maxLength: 15 }), async (steps) => {
        const model = new Map<string, string>();
        let workspace = restoreWorkspace(objects, {
          tree: git(scratch, ["hash-object", "-t", "tree", "--stdin"]),
          baseTree: git(scratch, ["hash-object", "-t", "tree", "--stdin"]),
          parent: undefined,
          pushedFrom: undefined,
        });
        for (const { path: at, content } of steps) {
          const next = content === undefined ? workspace.remove(at) : workspace.write(at, content);
          const done = await next.catch(() => undefined);
          if (done === undefined) continue;
          workspace = done;
          if (content === undefined) model.delete(at);
          else model.set(at, content);
        }
        const found = new Map<string, string>();
        for (const { path: at, after } of await workspace.diff()) {
          found.set(at, Buffer.from((await objects.resolve(after!.oid)).content).toString());
        }
        expect(found).toEqual(model);
      }),
      { numRuns: 60 },
    );
  });
});
