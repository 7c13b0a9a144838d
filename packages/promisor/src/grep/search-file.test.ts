import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compilePatterns, type GrepPattern, type PatternGroup } from "./pattern.ts";
import { FileSearch, partEnd, textOf } from "./search-file.ts";

const PATTERNS: readonly GrepPattern[] = [
  "ab",
  "Ab",
  "aZ",
  "é",
  "",
  /ab|ba/,
  /ab$/,
  /^ab/,
  /^$/,
  /a.b/,
  /a+b/,
  /[ab]z/,
  /b(?!\s)/,
  /(?<!\s)ab/,
  /ab\s/,
  /\sab/,
  /a[^b]*b/,
  /z?$/,
  /é./u,
  /\bab\b/,
  /ab|k/iu,
  /(ab)+\r/,
  /a[^]*b/,
];

/** What is found in a file of several parts, by one way of looking or by the other. */
function found(bytes: Buffer, groups: readonly PatternGroup[], cuts: readonly number[]): string[] {
  const hits: string[] = [];
  for (const group of groups) {
    const search = new FileSearch(bytes, group, { before: 1, after: 1 });
    let start = 0;
    for (const end of [...cuts, bytes.length]) {
      for (const { tag, line, text, match, before, after } of search.search(start, end)) {
        hits.push(JSON.stringify([line, tag, text, match, before, after]));
      }
      start = end;
    }
  }
  return hits.toSorted();
}

/** The same, line by line. */
function expected(bytes: Buffer, patterns: readonly GrepPattern[], ignoreCase: boolean): string[] {
  const lines: string[] = [];
  for (let at = 0; at < bytes.length; ) {
    const feed = bytes.indexOf(0x0a, at);
    const end = feed < 0 ? bytes.length : feed;
    lines.push(bytes.toString("utf8", at, end));
    at = end + 1;
  }
  const hits: string[] = [];
  for (const [tag, pattern] of patterns.entries()) {
    const source = typeof pattern === "string" ? pattern : pattern.source;
    const flags = typeof pattern === "string" ? "" : pattern.flags;
    const expression = new RegExp(source, ignoreCase && !flags.includes("i") ? `${flags}i` : flags);
    for (const [i, text] of lines.entries()) {
      const match = expression.exec(text);
      if (match === null) continue;
      const place = { start: match.index, end: match.index + match[0].length };
      hits.push(
        JSON.stringify([
          i + 1,
          `${tag}`,
          text,
          place,
          lines.slice(Math.max(0, i - 1), i),
          lines.slice(i + 1, i + 2),
        ]),
      );
    }
  }
  return hits.toSorted();
}

describe("a file under search", () => {
  const piece = fc.constantFrom(
    "a",
    "b",
    "z",
    "A",
    "B",
    " ",
    "\n",
    "\n",
    "\r\n",
    "ab",
    "ba",
    "é",
    "É",
    "K",
    "\u2028",
    "😀",
  );
  const bytes = fc
    .array(fc.oneof({ weight: 12, arbitrary: piece }, { weight: 1, arbitrary: fc.constant("\xff") }), {
      maxLength: 120,
      size: "max",
    })
    .map((pieces) =>
      Buffer.concat(pieces.map((each) => Buffer.from(each, each === "\xff" ? "latin1" : "utf8"))),
    );

  it("has what a look at each of its lines finds, whichever way it is searched", () => {
    const chosen = fc.subarray(
      PATTERNS.map((_, i) => i),
      { minLength: 1 },
    );
    fc.assert(
      fc.property(
        bytes,
        chosen,
        fc.boolean(),
        fc.array(fc.nat(200), { maxLength: 3 }),
        (content, some, ignoreCase, places) => {
          const patterns = some.map((i) => PATTERNS[i]!);
          const groups = compilePatterns(Object.fromEntries(patterns.entries()), ignoreCase);
          const cuts = [...new Set(places.map((place) => content.indexOf(0x0a, place) + 1))]
            .filter((cut) => cut > 0)
            .toSorted((a, b) => a - b);
          const lines = expected(content, patterns, ignoreCase);
          expect(found(content, groups, cuts)).toEqual(lines);
          expect(
            found(
              content,
              groups.flatMap((group) => group.instead ?? [group]),
              cuts,
            ),
          ).toEqual(lines);
        },
      ),
      { numRuns: 500 },
    );
  });

  it("is cut where lines end, or not at all", () => {
    const mib = 1024 * 1024;
    const text = Buffer.alloc(3 * mib, "x");
    expect(partEnd(text, 0)).toBe(text.length);
    text[mib - 5] = text[2 * mib] = 0x0a;
    expect(partEnd(text, 0)).toBe(mib - 4);
    expect(partEnd(text, mib - 4)).toBe(2 * mib + 1);
    expect(partEnd(text, 2 * mib + 1)).toBe(text.length);
  });

  it("has no line that is longer than a text can be", () => {
    expect(textOf(Buffer.from("abc"), 0, 3, 3)).toBe("abc");
    expect(() => textOf(Buffer.from("abcd"), 0, 4, 3)).toThrow(
      expect.objectContaining({ code: "PROMISOR_TOO_LONG" }),
    );
  });

  it("is searched for many words in as many goes as it takes", () => {
    const patterns = Object.fromEntries(Array.from({ length: 150 }, (_, i) => [`${i}`, `word${i}.`]));
    const groups = compilePatterns(patterns, false);
    expect(groups.length).toBe(3);
    const text = Buffer.from(Object.values(patterns).join("\n"));
    expect(found(text, groups, []).length).toBe(150);
  });
});
