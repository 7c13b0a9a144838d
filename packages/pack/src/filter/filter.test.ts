import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { PackError } from "../errors.ts";
import { formatObjectFilter } from "./format-filter.ts";
import type { ObjectFilter } from "./object-filter.ts";
import { parseObjectFilter } from "./parse-filter.ts";

const limit = (bytes: number): ObjectFilter => ({ kind: "blob:limit", bytes });
const tree = (depth: number): ObjectFilter => ({ kind: "tree", depth });
const none: ObjectFilter = { kind: "blob:none" };

it.each<[string, ObjectFilter]>([
  ["blob:none", none],
  ["blob:limit=0", limit(0)],
  ["blob:limit=1k", limit(1024)],
  ["blob:limit=2M", limit(2 << 20)],
  ["blob:limit=1g", limit(1 << 30)],
  ["blob:limit=0x10", limit(16)],
  ["blob:limit=010", limit(8)],
  ["blob:limit= +5", limit(5)],
  ["blob:limit=18446744073709551615", limit(Number.MAX_SAFE_INTEGER)],
  ["tree:3", tree(3)],
  ["tree:1k", tree(1024)],
  ["object:type=tag", { kind: "object:type", type: "tag" }],
  ["sparse:oid=main:a b", { kind: "sparse:oid", blob: "main:a b" }],
  ["combine:blob:none", { kind: "combine", filters: [none] }],
  ["combine:blob%3Anone+tree%3a1", { kind: "combine", filters: [none, tree(1)] }],
  [
    "combine:combine:blob:none%2btree:1+tree:2",
    {
      kind: "combine",
      filters: [{ kind: "combine", filters: [none, tree(1)] }, tree(2)],
    },
  ],
  ["combine:sparse:oid=%c3%a9%25", { kind: "combine", filters: [{ kind: "sparse:oid", blob: "é%" }] }],
])("reads %s", (text, filter) => {
  expect(parseObjectFilter(text)).toEqual(filter);
});

describe("what is no filter", () => {
  const nested = `${"combine:".repeat(8000)}blob:none`;
  it.each([
    ["", "invalid filter-spec ''"],
    ["blob:limit", "invalid filter-spec 'blob:limit'"],
    ["tree:x", "expected 'tree:<depth>'"],
    ["object:type=x", "'x' for 'object:type=<type>' is not a valid object type"],
    ["sparse:path=x", "sparse:path filters support has been dropped"],
    ["combine:", "expected something after combine:"],
    ["combine:a;b", "must escape char in sub-filter-spec: ';'"],
    ["combine:blob:none+", "invalid filter-spec 'blob:none+'"],
    ["combine:sparse:oid=%ff", "invalid filter-spec 'sparse:oid=%ff'"],
    [nested, `invalid filter-spec '${nested.slice(33 * 8)}'`],
  ])("%.40s", (text, message) => {
    let thrown: unknown;
    try {
      parseObjectFilter(text);
    } catch (error) {
      thrown = error;
    }
    expect(thrown).toBeInstanceOf(PackError);
    expect(thrown).toMatchObject({ code: "PACK_BAD_FILTER", message });
  });
});

const filters: fc.Arbitrary<ObjectFilter> = fc.letrec<{ any: ObjectFilter }>((tie) => ({
  any: fc.oneof(
    { maxDepth: 3, depthSize: "small" },
    fc.constant(none),
    fc.maxSafeNat().map(limit),
    fc.maxSafeNat().map(tree),
    fc.constantFrom("blob", "tree", "commit", "tag").map((type) => ({ kind: "object:type" as const, type })),
    fc
      .string({ unit: "grapheme" })
      .map((blob) => ({ kind: "sparse:oid" as const, blob: blob.replaceAll("\0", "") })),
    fc
      .array(tie("any"), { minLength: 1, maxLength: 4 })
      .map((each) => ({ kind: "combine" as const, filters: each })),
  ),
})).any;

it("reads what it writes", () => {
  fc.assert(
    fc.property(filters, (filter) => {
      expect(parseObjectFilter(formatObjectFilter(filter))).toEqual(filter);
    }),
  );
});

it("takes any text or refuses it with a code", () => {
  const word = fc.constantFrom(
    "combine:",
    "blob:none",
    "tree:",
    "1",
    "+",
    "%3a",
    "%",
    "blob:limit=",
    "k",
    "0x",
  );
  const text = fc.array(fc.oneof(word, fc.string({ unit: "binary", maxLength: 4 })), { maxLength: 12 });
  fc.assert(
    fc.property(text, (words) => {
      try {
        parseObjectFilter(words.join(""));
      } catch (error) {
        expect((error as PackError).code).toBe("PACK_BAD_FILTER");
      }
    }),
    { numRuns: 1000 },
  );
});
