import { encodeTree, type ObjectFormat } from "@millrace/pack";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { inodeOfEntry } from "./base-node.ts";
import { parseBaseTree } from "./base-tree.ts";
import { NameTable } from "./name-table.ts";

const name = fc
  .uint8Array({ minLength: 1, maxLength: 12 })
  .filter((bytes) => !bytes.includes(0) && !bytes.includes(0x2f));
const mode = fc.constantFrom(0o100644, 0o100664, 0o100755, 0o120000, 0o040000, 0o160000);
const entriesOf = (format: ObjectFormat): fc.Arbitrary<{ name: Uint8Array; mode: number; oid: string }[]> =>
  fc.uniqueArray(
    fc.record({
      name,
      mode,
      oid: fc
        .uint8Array({ minLength: format === "sha1" ? 20 : 32, maxLength: format === "sha1" ? 20 : 32 })
        .map((bytes) => Buffer.from(bytes).toString("hex")),
    }),
    { selector: (entry) => Buffer.from(entry.name).toString("latin1"), maxLength: 40 },
  );
const FORBIDDEN = /^(?:\.\.?|\.git|git~1)$/i;

describe.each(["sha1", "sha256"] as const)("a tree of %s", (format) => {
  it("is what a map of its entries is, in its order", () => {
    fc.assert(
      fc.property(entriesOf(format), name, (all, other) => {
        const entries = all.filter((each) => !FORBIDDEN.test(Buffer.from(each.name).toString("latin1")));
        const tree = parseBaseTree(encodeTree(entries, format), format, "some");
        const names = entries.map((each) => Buffer.from(each.name).toString("latin1"));
        expect([...tree.keys()]).toEqual(names);
        expect([...tree].map(([key]) => key)).toEqual(names);
        for (const [i, entry] of [...tree.values()].entries()) {
          const isSubmodule = entries[i]!.mode === 0o160000;
          expect(tree.get(names[i]!)).toEqual(entry);
          expect(entry[isSubmodule ? "commit" : "oid"]).toBe(entries[i]!.oid);
        }
        const unknown = Buffer.from(other).toString("latin1");
        expect(tree.has(unknown)).toBe(names.includes(unknown));
        const directory = 2 ** 45 + 12345;
        expect(tree.list(directory)).toEqual(
          [...tree.values()].map((entry) => ({
            name: entry.name,
            kind: entry.kind,
            mode: entry.mode,
            ino: inodeOfEntry(directory, entry),
          })),
        );
      }),
    );
  });
});

it("names are found however many are in each other's way", () => {
  const names = Array.from({ length: 1000 }, (_, i) => `name-${i}`);
  const bytes = Buffer.from([...names, "name-7"].join(""), "latin1");
  const starts = new Uint32Array(names.length + 1);
  const ends = new Uint32Array(names.length + 1);
  for (const [i, each] of [...names, "name-7"].entries()) {
    starts[i] = ends[i - 1] ?? 0;
    ends[i] = starts[i] + each.length;
  }
  for (const maxProbes of [0, 1, 64]) {
    const table = new NameTable(bytes, starts, ends, maxProbes);
    expect(names.every((_, i) => table.add(i))).toBe(true);
    expect(table.add(names.length)).toBe(false);
    expect(names.map((each) => table.find(each))).toEqual(names.map((_, i) => i));
    expect(table.find("name-1000")).toBe(-1);
  }
});
