import { describe, expect, test } from "vitest";
import { checkRefName, findDirectoryConflict, isUpdatableRef, refParents } from "./ref-name.ts";

describe("checkRefName", () => {
  test.each([
    "refs/heads/main",
    "heads/x",
    "refs/heads/a.b",
    "refs/heads/foo./bar",
    "refs/heads/ünïcode",
    "refs/heads/\u{1f600}",
    "refs/heads/@",
    "refs/heads/-x",
    "refs/heads/a{b}",
    "refs/heads/lock",
    "refs/heads/a.lockx",
  ])("takes %j", (name) => expect(checkRefName(name)).toBe(true));

  test.each([
    "",
    "@",
    "main",
    "/refs/heads/x",
    "refs/heads/x/",
    "refs//x",
    "refs/heads/.x",
    "refs/heads/x.lock",
    "refs/x.lock/y",
    "refs/heads/a..b",
    "refs/heads/a.",
    "refs/heads/a@{b",
    "refs/heads/a b",
    "refs/heads/a~b",
    "refs/heads/a^b",
    "refs/heads/a:b",
    "refs/heads/a?b",
    "refs/heads/a*b",
    "refs/heads/a[b",
    "refs/heads/a\\b",
    "refs/heads/a\u007fb",
    "refs/heads/a\u0000b",
    "refs/heads/a\nb",
    "refs/heads/\ud83d",
    "refs/heads/\ude00x",
  ])("refuses %j", (name) => expect(checkRefName(name)).toBe(false));

  test("takes names of one part only if asked", () => {
    expect(checkRefName("HEAD", { allowOneLevel: true })).toBe(true);
    expect(checkRefName("@", { allowOneLevel: true })).toBe(false);
    expect(isUpdatableRef("HEAD")).toBe(false);
    expect(isUpdatableRef("heads/x")).toBe(false);
    expect(isUpdatableRef("refs/x")).toBe(true);
  });
});

test("refParents goes up to refs, which is left out", () => {
  expect(refParents("refs/heads/a/b")).toEqual(["refs/heads/a", "refs/heads"]);
  expect(refParents("refs/x")).toEqual([]);
});

test("findDirectoryConflict finds what stands above or below", () => {
  const names = ["refs/heads/a", "refs/heads/b/c", "refs/heads/b-c"];
  const refs = {
    has: (name: string) => names.includes(name),
    under: (prefix: string) => names.filter((name) => name.startsWith(prefix)),
  };
  expect(findDirectoryConflict("refs/heads/a/x/y", refs)).toBe("refs/heads/a");
  expect(findDirectoryConflict("refs/heads/b", refs)).toBe("refs/heads/b/c");
  expect(findDirectoryConflict("refs/heads/a", refs)).toBeUndefined();
  expect(findDirectoryConflict("refs/heads/ab", refs)).toBeUndefined();
});
