import type { Oid } from "@millrace/pack";
import { describe, expect, it } from "vitest";
import { parseSkipList } from "./skip-list.ts";

const A = "a".repeat(40);
const B = "b".repeat(40);

function parse(text: string): readonly Oid[] {
  const oids = new Set<Oid>();
  parseSkipList(text, "sha1", oids);
  return [...oids];
}

describe("parseSkipList", () => {
  it.each([
    ["", []],
    [`${A}\n${B}\n`, [A, B]],
    [`# a comment\n\n  \t${A} # and why\r\n${B.toUpperCase()}\n#${A}`, [A, B]],
    [`${A}\n${A}`, [A]],
  ])("reads %j", (text, expected) => {
    expect(parse(text)).toEqual(expected);
  });

  it.each([
    ["abcdef\n", "abcdef"],
    [`${A}a\n`, `${A}a`],
    [`${A} ${B}\n`, `${A} ${B}`],
    ["commit\n", "commit"],
  ])("refuses %j", (text, name) => {
    expect(() => parse(text)).toThrowError(
      expect.objectContaining({
        code: "REPOSITORY_BAD_FSCK_RULES",
        message: `invalid object name: ${name}`,
      }),
    );
  });
});
