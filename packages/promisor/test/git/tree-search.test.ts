import { encodeTree, type TreeEntry } from "@millrace/pack";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  createPromisor,
  type GrepQuery,
  openRemoteSource,
  openTree,
  SharedPromisor,
} from "../../src/index.ts";
import { countRequests } from "../support/counting-source.ts";
import { type OddTree, openOddTree } from "../support/odd-tree.ts";
import { gitBytes } from "../support/repository.ts";

describe("a tree that is read as it is needed", () => {
  let odd: OddTree;
  let lent: OddTree["lent"];
  let remote: OddTree["remote"];
  let view: OddTree["view"];

  beforeAll(async () => {
    odd = await openOddTree();
    ({ lent, remote, view } = odd);
  });
  afterAll(() => odd[Symbol.asyncDispose]());

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
});
