import { openDirectoryTransport, openRemote } from "@millrace/protocol-v2/client";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createPromisor, openRemoteSource, openTree, SharedPromisor } from "../../src/index.ts";
import { countRequests } from "../support/counting-source.ts";
import { type OddTree, openOddTree } from "../support/odd-tree.ts";
import { git, gitBytes } from "../support/repository.ts";

describe("a tree that is read as it is needed", () => {
  let odd: OddTree;
  let lent: OddTree["lent"];
  let remote: OddTree["remote"];
  let source: OddTree["source"];
  let objects: OddTree["objects"];
  let view: OddTree["view"];

  beforeAll(async () => {
    odd = await openOddTree();
    ({ lent, remote, source, objects, view } = odd);
  });
  afterAll(() => odd[Symbol.asyncDispose]());

  it("is found by every name that git finds it by", async () => {
    const commit = lent.oid("main");
    const names = [
      "HEAD",
      "main",
      "heads/main",
      "refs/heads/main",
      "v1",
      "v2",
      "refs/tags/v2",
      "main-tree",
      "side",
    ];
    const ids = [commit, commit.slice(0, 9), lent.oid("v2"), lent.oid("main^{tree}")];
    for (const name of [...names, ...ids]) {
      const { tree } = await openTree({ objects, refs: remote }, name);
      expect(tree, name).toBe(lent.oid(`${name}^{tree}`));
    }
    for (const name of ["absent", "refs/heads", "abcdef", ""]) {
      await expect(openTree({ objects, refs: remote }, name)).rejects.toMatchObject({
        code: "PROMISOR_UNKNOWN_NAME",
      });
    }
    await expect(openTree({ objects, refs: remote }, lent.oid("main:README"))).rejects.toMatchObject({
      code: "PROMISOR_WRONG_KIND",
    });
  });

  it("lists what ls-tree lists", async () => {
    const listed: string[] = [];
    for await (const files of view.walk()) {
      for (const { path, mode, oid } of files)
        listed.push(`${mode.toString(8).padStart(6, "0")} ${oid} ${path}`);
    }
    const theirs = git(lent.path, [
      "-c",
      "core.quotePath=false",
      "ls-tree",
      "-r",
      "--format=%(objectmode) %(objectname) %(path)",
      "main",
    ]);
    expect(listed.toSorted()).toEqual(theirs.split("\n").filter(Boolean).toSorted());
    const folder = (await view.list("odd/")).map(({ name }) => name);
    const names = git(lent.path, ["ls-tree", "-z", "--name-only", "main:odd"]);
    expect(folder).toEqual(names.split("\0").filter(Boolean));
    const kinds = Object.fromEntries((await view.list("odd")).map(({ name, kind }) => [name, kind]));
    expect(kinds).toMatchObject({ link: "symlink", deep: "tree", "crlf.txt": "file" });
    expect(await view.stat("vendor")).toMatchObject({ kind: "submodule", sizeBytes: undefined });
    expect(await view.stat("odd/deep/run.sh")).toMatchObject({ kind: "executable", mode: 0o100755 });
  });

  it("reads what show shows", async () => {
    for (const path of ["README", "/odd/ünïcode.txt", "odd/binary.bin", "odd/empty.txt", "odd/link"]) {
      const shown = gitBytes(lent.path, ["show", `main:${path.replace(/^\//, "")}`]);
      expect(Buffer.from(await view.readFile(path)).equals(shown), path).toBe(true);
    }
    for (const [path, code] of [
      ["absent", "PROMISOR_NOT_FOUND"],
      ["README/below", "PROMISOR_NOT_FOUND"],
      ["odd", "PROMISOR_WRONG_KIND"],
      ["vendor", "PROMISOR_WRONG_KIND"],
      ["", "PROMISOR_WRONG_KIND"],
      ["odd/../README", "PROMISOR_BAD_ARGUMENT"],
    ] as const) {
      await expect(view.readFile(path), path).rejects.toMatchObject({ code });
    }
    await expect(view.list("README")).rejects.toMatchObject({ code: "PROMISOR_WRONG_KIND" });
    expect(await Promise.all(["", "odd", "README", "odd/x"].map((path) => view.exists(path)))).toEqual([
      true,
      true,
      true,
      false,
    ]);
  });

  it("brings the history here, commits and trees, in one request that can be given up", async () => {
    const fresh = countRequests(openRemoteSource(remote));
    const cache = new SharedPromisor(await createPromisor(fresh));
    const tip = await openTree({ objects: cache, refs: remote }, "main");
    const signal = AbortSignal.abort(new Error("enough"));
    await expect(tip.prefetchHistory({ signal })).rejects.toThrow("enough");
    expect(cache.isHere(lent.oid("main~1"))).toBe(false);
    fresh.requests.length = 0;
    await tip.prefetchHistory();
    const listed = git(lent.path, [
      "rev-list",
      "--objects",
      "--no-object-names",
      "--filter=blob:none",
      "main",
    ]);
    for (const oid of listed.split("\n")) expect(cache.isHere(oid), oid).toBe(true);
    expect(cache.isHere(lent.oid("main~3:README"))).toBe(false);
    expect(fresh.requests.length).toBe(1);
    const bare = await openTree({ objects: cache }, lent.oid("main^{tree}"));
    await expect(bare.prefetchHistory()).rejects.toMatchObject({ code: "PROMISOR_WRONG_KIND" });
  });

  it("reads bytes of a file, as far as it has them", async () => {
    const whole = await view.readFile("README");
    const bytes = async (range: { from?: number; to?: number }): Promise<string> =>
      Buffer.from(await view.readBytes("README", range)).toString("latin1");
    const text = Buffer.from(whole).toString("latin1");
    expect(await bytes({})).toBe(text);
    expect(await bytes({ from: 2, to: 5 })).toBe(text.slice(2, 5));
    expect(await bytes({ from: 3 })).toBe(text.slice(3));
    expect(await bytes({ from: 1_000_000, to: 2_000_000 })).toBe("");
    for (const range of [{ from: -1 }, { from: 2, to: 1 }, { to: 0.5 }]) {
      await expect(bytes(range)).rejects.toMatchObject({ code: "PROMISOR_BAD_ARGUMENT" });
    }
  });

  it("reads lines as sed prints them", async () => {
    const lines = async (...ranges: [number, number][]): Promise<string> =>
      (
        await view.readLines(
          "odd/late.bin",
          ranges.map(([from, to]) => ({ from, to })),
        )
      )
        .map(({ line, text }) => `${line}:${text}`)
        .join(" ");
    expect(await lines([2, 3])).toBe("2:alpha 3:alpha");
    expect(await lines([1500, 1503])).toBe("1500:alpha 1501:\0");
    expect(await lines([4, 5], [1, 9], [2, 1], [9, 9])).toBe(
      Array.from({ length: 9 }, (_, n) => `${n + 1}:alpha`).join(" "),
    );
    expect((await view.readLines("odd/no-feed.txt", [{ from: 1, to: 99 }])).map(({ text }) => text)).toEqual([
      "alpha",
      "",
      "beta gamma",
    ]);
    expect(await view.readLines("odd/empty.txt", [{ from: 1, to: 1 }])).toEqual([]);
    await expect(lines([0, 1])).rejects.toMatchObject({ code: "PROMISOR_BAD_ARGUMENT" });
  });

  it("tells a size without the file, where the server can", async () => {
    const path = "src/part-2/file-3.txt";
    const other = openRemote(openDirectoryTransport(lent.path));
    const fresh = new SharedPromisor(await createPromisor({ ...openRemoteSource(other), sizes: undefined }));
    const opened = await openTree({ objects: fresh, refs: other }, "main");
    expect((await opened.stat(path)).sizeBytes).toBeUndefined();
    await other[Symbol.asyncDispose]();
    git(lent.path, ["config", "transfer.advertiseObjectInfo", "true"]);
    const telling = openRemote(openDirectoryTransport(lent.path));
    const again = new SharedPromisor(await createPromisor(openRemoteSource(telling)));
    const told = await openTree({ objects: again, refs: telling }, "main");
    expect((await told.stat(path)).sizeBytes).toBe(
      Number(git(lent.path, ["cat-file", "-s", `main:${path}`])),
    );
    expect(again.isHere(lent.oid(`main:${path}`))).toBe(false);
    await telling[Symbol.asyncDispose]();
  });

  it("finds paths by pattern", async () => {
    const all = git(lent.path, ["ls-tree", "-r", "-z", "--name-only", "main"]).split("\0").filter(Boolean);
    const globs: Record<string, (path: string) => boolean> = {
      "*": (path) => !path.includes("/"),
      "**": () => true,
      "**/*.txt": (path) => path.endsWith(".txt"),
      "**/**/**/*.txt": (path) => path.endsWith(".txt"),
      // Folders that stand for none a hundred times over must not be tried in all ways.
      [`${"**/".repeat(100)}nowhere`]: () => false,
      "odd/*.txt": (path) => /^odd\/[^/]*\.txt$/.test(path),
      "odd/**/code.ts": (path) => path === "odd/deep/deeper/code.ts",
      "src/part-{0,2}/file-?.txt": (path) => /^src\/part-[02]\/file-.\.txt$/.test(path),
      "src/part-[!0]/**": (path) => /^src\/part-[^0]\//.test(path),
      "odd/[[]set].txt": (path) => path === "odd/[set].txt",
      "{README,.hidden,}": (path) => path === "README" || path === ".hidden",
      "odd/{unclosed": () => false,
      "odd/ün*": (path) => path.startsWith("odd/ün"),
    };
    for (const [pattern, isIn] of Object.entries(globs)) {
      expect(await view.glob(pattern), pattern).toEqual(all.filter(isIn));
    }
  });

  it("opens no tree whose names lead out of it", async () => {
    for (const name of ["..", ".", ".git", ".GIT", "a/b"]) {
      const store = new SharedPromisor(await createPromisor(source));
      const blob = store.put("blob", Buffer.from("x"));
      const bytes = Buffer.concat([Buffer.from(`100644 ${name}\0`), Buffer.from(blob, "hex")]);
      const opened = await openTree({ objects: store }, store.put("tree", bytes));
      await expect(opened.list()).rejects.toMatchObject({ code: "PROMISOR_BAD_TREE" });
    }
    const store = new SharedPromisor(await createPromisor(source));
    const cut = await openTree({ objects: store }, store.put("tree", Buffer.from("100644 x\0abc")));
    await expect(cut.list()).rejects.toMatchObject({ code: "PROMISOR_BAD_TREE" });
    const fine = Buffer.concat([Buffer.from("100644 .gitmodules\0"), Buffer.from("a".repeat(40), "hex")]);
    expect((await (await openTree({ objects: store }, store.put("tree", fine))).list()).length).toBe(1);
  });
});
