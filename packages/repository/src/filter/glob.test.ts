import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { compileGlob } from "./glob.ts";

const path = { pathname: true };
const name = { pathname: false };

describe("compileGlob", () => {
  it.each([
    ["a/**/b", "a/b", true],
    ["a/**/b", "a/x/y/b", true],
    ["a/**/b", "ab", false],
    ["a/**/b", "a/xb", false],
    ["**/b", "b", true],
    ["**/b", "a/b", true],
    ["**/b", "ab", false],
    ["a/**", "a/b/c", true],
    ["a/**", "a", false],
    ["a/*", "a/b/c", false],
    ["a**b", "a/b", false],
    ["?", "/", false],
    ["[!a]", "/", false],
    ["**/**/c", "c", true],
    ["**/a/**/c", "x/a/c", true],
    ["*/**/c", "a/c", true],
  ])("takes %s as a path pattern for %s: %s", (pattern, text, expected) => {
    expect(compileGlob(pattern, path)(text)).toBe(expected);
  });

  it.each([
    ["a\\*", "a*", true],
    ["a\\*", "ab", false],
    ["a\\", "a\\", false],
    ["[a", "[a", false],
    ["[]-a]", "]", true],
    ["[[:digit:][:upper:]]", "7", true],
    ["[[:digit:][:upper:]]", "b", false],
    ["[^[:space:]]", " ", false],
    ["[b-]", "-", true],
  ])("takes %s as a name pattern for %s: %s", (pattern, text, expected) => {
    expect(compileGlob(pattern, name)(text)).toBe(expected);
  });

  it("does not lose its way in many stars", () => {
    const matches = compileGlob(`${"*a".repeat(200)}b`, name);
    expect(matches("a".repeat(4000))).toBe(false);
  });

  it("takes any pattern and any text", () => {
    fc.assert(
      fc.property(
        fc.string({ unit: "binary-ascii" }),
        fc.string({ unit: "binary-ascii" }),
        (pattern, text) => {
          for (const options of [path, name])
            expect(compileGlob(pattern, options)(text)).toBeTypeOf("boolean");
        },
      ),
    );
  });
});
