import { describe, expect, it } from "vitest";
import { createSparsePlaces } from "./sparse-places.ts";
import { parseSparsePatterns } from "./sparse-patterns.ts";

const bytes = Buffer.from("ab");
const places = (maxPaths?: number) =>
  createSparsePlaces({
    patterns: [parseSparsePatterns(Buffer.from("/a/\n"))],
    depthBelow: Number.POSITIVE_INFINITY,
    maxPaths,
  });

describe("createSparsePlaces", () => {
  it("lets a directory decide for what no pattern matches", () => {
    const { root } = places();
    expect(root.sendsBlob(bytes, 1, 2)).toBe(false);
    expect(root.below(bytes, 0, 1).sendsBlob(bytes, 1, 2)).toBe(true);
    expect(root.below(bytes, 1, 2).sendsBlob(bytes, 0, 1)).toBe(false);
  });

  it("enters a tree once at each path", () => {
    const { root } = places();
    expect(root.enter(7)).toBe(true);
    expect(root.enter(7)).toBe(false);
    expect(root.below(bytes, 0, 1).enter(7)).toBe(true);
    expect(root.below(bytes, 0, 1).enter(7)).toBe(false);
  });

  it("refuses more paths than it is to hold", () => {
    let place = places(10).root;
    expect(() => {
      for (let depth = 0; depth < 12; depth++) place = place.below(bytes, 0, 1);
    }).toThrow(expect.objectContaining({ code: "REPOSITORY_BAD_REQUEST" }));
  });
});
