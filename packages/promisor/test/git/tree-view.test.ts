import { chmod, mkdir, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { encodeTree, type TreeEntry } from "@millrace/pack";
import { openDirectoryTransport, openRemote, type Remote } from "@millrace/protocol-v2/client";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  createPromisor,
  type GrepQuery,
  openRemoteSource,
  openTree,
  SharedPromisor,
  type TreeView,
} from "../../src/index.ts";
import { type CountingSource, countRequests } from "../support/counting-source.ts";
import { createLentRepository, git, gitBytes, type LentRepository } from "../support/repository.ts";

describe("a tree that is read as it is needed", () => {
  let lent: LentRepository;
  let remote: Remote;
  let source: CountingSource;
  let objects: SharedPromisor;
  let view: TreeView;

  beforeAll(async () => {
    lent = await createLentRepository();
    const { path } = lent;
    await mkdir(join(path, "odd", "deep", "deeper"), { recursive: true });
    const files: Record<string, string | Buffer> = {
      "odd/crlf.txt": "Alpha one\r\nbeta two\r\nALPHA three\r\n",
      "odd/no-feed.txt": "alpha\n\nbeta gamma",
      "odd/empty.txt": "",
      "odd/ünïcode.txt": "naïve café\nalpha ünd beta\nΩmega alpha\n",
      "odd/latin1.txt": Buffer.from("caf\xe9 alpha\nbeta\n", "latin1"),
      "odd/binary.bin": Buffer.from("alpha\0beta\n"),
      "odd/late.bin": Buffer.concat([Buffer.from("alpha\n".repeat(1500)), Buffer.from([0])]),
      "odd/deep/deeper/code.ts": 'export const alpha = (x) => x.y;\n// alpha.beta [x] {2}\n  return "a+b";\n',
      "odd/deep/run.sh": "#!/bin/sh\necho alpha $HOME\n",
      "odd/[set].txt": "brackets\n",
      ".hidden": "alpha\n",
      "odd/long.txt": `${"x".repeat(400_000)} alpha beta ${"y".repeat(900_000)}\nalpha\n${"z\n".repeat(70_000)}beta alpha`,
      "odd/feeds.txt": "\n\n\n",
      "odd/äpfel.txt": "Äpfel und Öl\näPFEL UND öL\nstraße STRASSE\nΣίσυφος σ ς\n",
      "odd/invalid.txt": Buffer.concat([
        Buffer.from("ü alpha "),
        Buffer.from([0xc3, 0x0a, 0xe2, 0x82]),
        Buffer.from(" beta\r\n\xff alpha", "latin1"),
      ]),
    };
    for (const [name, content] of Object.entries(files)) await writeFile(join(path, name), content);
    await chmod(join(path, "odd/deep/run.sh"), 0o755);
    await symlink("../README", join(path, "odd/link"));
    git(path, ["add", "."]);
    git(path, ["update-index", "--add", "--cacheinfo", `160000,${lent.oid("main")},vendor`]);
    git(path, ["commit", "-q", "-m", "odd"]);
    git(path, ["tag", "-a", "-m", "tag", "v1"]);
    git(path, ["tag", "-a", "-m", "tag of a tag", "v2", "v1"]);
    git(path, ["tag", "main-tree", "main^{tree}"]);
    git(path, ["branch", "side", "main~3"]);
    git(path, ["tag", "side", "main~2"]);
    remote = openRemote(openDirectoryTransport(path));
    source = countRequests(openRemoteSource(remote));
    objects = new SharedPromisor(await createPromisor(source));
    view = await openTree({ objects, refs: remote }, "main");
  });
  afterAll(async () => {
    await remote[Symbol.asyncDispose]();
    await lent[Symbol.asyncDispose]();
  });

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

  /** What grep finds, as `git grep -n` prints it. */
  async function found(query: GrepQuery): Promise<string[]> {
    const lines: string[] = [];
    for await (const { path, line, text } of view.grep(query)) lines.push(`${path}:${line}:${text}`);
    return lines.toSorted();
  }

  function gitGrep(...args: string[]): string[] {
    const printed = gitBytes(lent.path, [
      "-c",
      "core.quotePath=false",
      "grep",
      "-n",
      "-I",
      "--no-color",
      ...args,
      "main",
    ]).toString();
    return printed
      .split("\n")
      .filter(Boolean)
      .map((line) => line.replace(/^main:/, ""))
      .filter((line) => !isBehindEnd(line))
      .toSorted();
  }

  /** Where an expression matches nothing, git finds that behind the last line feed, too. */
  function isBehindEnd(printed: string): boolean {
    const [, path = "", line = ""] = /^(.*?):(\d+):$/.exec(printed) ?? [];
    if (path === "") return false;
    const lines = gitBytes(lent.path, ["show", `main:${path}`])
      .toString()
      .split("\n");
    return Number(line) === lines.length && lines.at(-1) === "";
  }

  it.each([
    ["a literal", { pattern: "alpha" }, ["-F", "-e", "alpha"]],
    ["a literal of special characters", { pattern: "x.y;" }, ["-F", "-e", "x.y;"]],
    ["a literal whatever its case", { pattern: "ALPHA", ignoreCase: true }, ["-F", "-i", "-e", "alpha"]],
    ["an expression", { pattern: /^[a-z]+ [a-z]+$/ }, ["-E", "-e", "^[a-z]+ [a-z]+$"]],
    [
      "an expression whatever its case",
      { pattern: /alpha (one|three)/i },
      ["-E", "-i", "-e", "alpha (one|three)"],
    ],
    ["the ends of lines", { pattern: /^$/ }, ["-E", "-e", "^$"]],
    ["what could span lines", { pattern: /[^a]beta/ }, ["-E", "-e", "[^a]beta"]],
    ["any character", { pattern: /na.ve/ }, ["-P", "-e", "(*UTF)na.ve"]],
    ["what matches nothing", { pattern: /a*z?/ }, ["-E", "-e", ""]],
    ["nothing in particular", { pattern: "" }, ["-F", "-e", ""]],
    ["a beginning of a line", { pattern: /^alpha/ }, ["-E", "-e", "^alpha"]],
    ["an end of a line", { pattern: /(beta|alpha)$/ }, ["-E", "-e", "(beta|alpha)$"]],
    ["what has no words", { pattern: /[bf]\w[t-z]\w\b/ }, ["-P", "-e", "(*UTF)[bf]\\w[t-z]\\w\\b"]],
    [
      "what is not followed",
      { pattern: /two(?!\s)|beta(?!\w)(?! )/ },
      ["-P", "-e", "two(?!\\s)|beta(?!\\w)(?! )"],
    ],
    ["letters beyond ASCII in any case", { pattern: /äpfel|öl/i }, ["-P", "-i", "-e", "(*UTF)äpfel|öl"]],
    [
      "a text beyond ASCII in any case",
      { pattern: "ÜND", ignoreCase: true },
      ["-P", "-i", "-e", "(*UTF)ünd"],
    ],
    [
      "two alternatives of several words",
      { pattern: /(?:alpha|beta) (two|gamma|o)/ },
      ["-E", "-e", "(alpha|beta) (two|gamma|o)"],
    ],
  ] as const)("finds %s as git grep does", async (_, query, args) => {
    const theirs = gitGrep(...args);
    expect(await found(query)).toEqual(theirs);
  });

  it("tells the lines around a hit", async () => {
    const lines: string[] = [];
    const query = { pattern: "5 2", before: 2, after: 1, paths: "src/**" };
    for await (const { path, line, before, text, after } of view.grep(query)) {
      lines.push(`${path}:${line}:${before.length}:${text}:${after.join("|")}`);
      const whole = await view.readLines(path, [{ from: line - 2 > 0 ? line - 2 : 1, to: line + 1 }]);
      expect([...before, text, ...after]).toEqual(whole.map((each) => each.text));
    }
    expect(lines.length).toBe(45);
  });

  it("searches for several patterns in one pass, and stops where it is told to", async () => {
    const tagged: string[] = [];
    for await (const { tag, path, line } of view.grep({ pattern: { a: "alpha", b: /beta$/ } })) {
      tagged.push(`${tag} ${path}:${line}`);
    }
    const expected = [
      ...gitGrep("-F", "-e", "alpha").map((line) => `a ${/^.*?:\d+/.exec(line)?.[0]}`),
      ...gitGrep("-E", "-e", "beta$").map((line) => `b ${/^.*?:\d+/.exec(line)?.[0]}`),
    ];
    expect(tagged.toSorted()).toEqual(expected.toSorted());
    expect((await found({ pattern: "alpha", maxCount: 3 })).length).toBe(3);
    expect(await found({ pattern: "alpha", maxCount: 0 })).toEqual([]);
    expect((await found({ pattern: "beta", includeBinary: true, paths: "**/*.bin" })).length).toBe(1);
    for (const pattern of ["a\nb", "a\0b", /a/g, /a/y]) {
      await expect(found({ pattern })).rejects.toMatchObject({ code: "PROMISOR_BAD_ARGUMENT" });
    }
  });

  it("fetches what it searches in one request, and nothing twice", async () => {
    const counted = countRequests(openRemoteSource(remote));
    const fresh = new SharedPromisor(await createPromisor(counted));
    const opened = await openTree({ objects: fresh, refs: remote }, "main");
    await opened.readFile("README");
    expect(counted.requests.length).toBe(2);
    let hits = 0;
    for await (const _ of opened.grep({ pattern: "alpha" })) hits++;
    expect(hits).toBeGreaterThan(5);
    expect(counted.requests.length).toBe(3);
    const progress: number[] = [];
    await opened.prefetch({ onProgress: ({ objects: count, total }) => progress.push(count, total) });
    expect(counted.requests.length).toBe(3);
    expect(progress[0]).toBe(progress[1]);
    const stop = new AbortController();
    stop.abort(new Error("enough"));
    await expect(opened.readFile("README", { signal: stop.signal })).rejects.toThrow("enough");
  });

  it("finds by literal what it finds by expression, in any text", async () => {
    const word = fc.constantFrom("a", "b", "ab", "ä", "\n", "\r\n", " ", "");
    const text = fc.array(word, { maxLength: 40 }).map((words) => words.join(""));
    await fc.assert(
      fc.asyncProperty(text, fc.constantFrom("a", "ab", "ä", "b a"), async (content, searched) => {
        const store = new SharedPromisor(await createPromisor(countRequests(openRemoteSource(remote))));
        const blob = store.put("blob", Buffer.from(content));
        const entry: TreeEntry = { mode: 0o100644, name: Buffer.from("file"), oid: blob };
        const tree = store.put("tree", encodeTree([entry], "sha1"));
        const opened = await openTree({ objects: store }, tree);
        const search = async (pattern: string | RegExp): Promise<string[]> => {
          const lines: string[] = [];
          for await (const hit of opened.grep({ pattern, before: 1, after: 1 }))
            lines.push(JSON.stringify(hit));
          return lines;
        };
        const byLine = content.split("\n");
        const ours = await search(searched);
        expect(ours).toEqual(await search(new RegExp(searched)));
        expect(ours.length).toBe(byLine.filter((line) => line.includes(searched)).length);
      }),
      { numRuns: 200 },
    );
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
