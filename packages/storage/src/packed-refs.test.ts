import fc from "fast-check";
import { expect, test } from "vitest";
import { StorageError } from "./errors.ts";
import { compareNames } from "./name-order.ts";
import { encodePackedRefs } from "./packed-refs-encode.ts";
import { openPackedRefs, type PackedRef } from "./packed-refs.ts";
import { countRefs, isRefLines, refsOf } from "./ref-lines.ts";
import { checkRefName } from "./ref-name.ts";

const A = "a".repeat(40);
const B = "b".repeat(40);
const text = (bytes: Uint8Array | undefined): string => Buffer.from(bytes ?? []).toString();
const file = (...lines: string[]): Uint8Array => Buffer.from(lines.map((line) => `${line}\n`).join(""));

const oid = fc.string({
  unit: fc.constantFrom(..."0123456789abcdef".split("")),
  minLength: 40,
  maxLength: 40,
});
const leaf = fc.string({
  unit: fc.constantFrom("a", "b", "-", "/x", "z", "ü", "\uff5e", "\u{1f600}"),
  minLength: 1,
  maxLength: 5,
});
const refs: fc.Arbitrary<PackedRef[]> = fc
  .uniqueArray(
    fc.record({ name: leaf.map((end) => `refs/heads/${end}`), oid, peeled: fc.option(oid, { nil: null }) }),
    { selector: (ref) => ref.name, maxLength: 40 },
  )
  .map((list) => list.sort((a, b) => compareNames(a.name, b.name)));

test("what is encoded is read back, whole, one by one and by prefix", () => {
  fc.assert(
    fc.property(refs, leaf, (list, end) => {
      const packed = openPackedRefs(encodePackedRefs(list), "sha1");
      expect([...packed.entries()]).toEqual(list);
      for (const ref of list) expect(packed.find(ref.name)).toEqual(ref);
      const wanted = `refs/heads/${end}`;
      expect(packed.find(wanted)).toEqual(list.find((ref) => ref.name === wanted));
      expect([...packed.entries(wanted)]).toEqual(list.filter((ref) => ref.name.startsWith(wanted)));
    }),
  );
});

test("without some refs the rest is as it was", () => {
  fc.assert(
    fc.property(refs, fc.array(leaf), fc.infiniteStream(fc.boolean()), (list, others, coin) => {
      const gone = list.filter(() => coin.next().value).map((ref) => ref.name);
      const rest = list.filter((ref) => !gone.includes(ref.name));
      const missing = others
        .map((end) => `refs/heads/${end}`)
        .filter((name) => !list.some((ref) => ref.name === name));
      const without = openPackedRefs(encodePackedRefs(list), "sha1").without([...gone, ...missing]);
      if (gone.length === 0) expect(without).toBeUndefined();
      else expect(text(without)).toBe(text(encodePackedRefs(rest)));
    }),
  );
});

test("header traits say what is known of tags", () => {
  const lines = [`${A} refs/heads/x`, `${A} refs/tags/annotated`, `^${B}`, `${A} refs/tags/light`];
  const peeledBy = (header: string[]): unknown[] =>
    [...openPackedRefs(file(...header, ...lines), "sha1").entries()].map((ref) => ref.peeled);
  expect(peeledBy(["# pack-refs with: peeled fully-peeled sorted "])).toEqual([null, B, null]);
  expect(peeledBy(["# pack-refs with: peeled "])).toEqual([undefined, B, null]);
  expect(peeledBy([])).toEqual([undefined, B, undefined]);
});

test("a file that is not sorted is searched all the same, and sorted when it is rewritten", () => {
  const packed = openPackedRefs(
    file(`${A} refs/tags/z`, `^${B}`, `${B} refs/heads/a`, `${A} refs/heads/b`),
    "sha1",
  );
  expect([...packed.entries()].map((ref) => ref.name)).toEqual([
    "refs/heads/a",
    "refs/heads/b",
    "refs/tags/z",
  ]);
  expect(packed.find("refs/tags/z")).toEqual({ name: "refs/tags/z", oid: A, peeled: B });
  expect(text(packed.without(["refs/heads/b"]))).toBe(
    text(file("# pack-refs with: sorted ", `${B} refs/heads/a`, `${A} refs/tags/z`, `^${B}`)),
  );
});

test("an empty file has no refs, and a header alone neither", () => {
  for (const bytes of [file(), encodePackedRefs([])]) {
    const packed = openPackedRefs(bytes, "sha1");
    expect([...packed.entries()]).toEqual([]);
    expect(packed.find("refs/heads/x")).toBeUndefined();
    expect(packed.without(["refs/heads/x"])).toBeUndefined();
  }
});

test("a name that is not UTF-8 is left out, and kept in the file", () => {
  const odd = Buffer.from(`${A} refs/heads/\u00ff\n`, "latin1");
  const bytes = Buffer.concat([file("# pack-refs with: sorted ", `${A} refs/heads/a`), odd]);
  const packed = openPackedRefs(bytes, "sha1");
  expect([...packed.entries()].map((ref) => ref.name)).toEqual(["refs/heads/a"]);
  expect(Buffer.from(packed.without(["refs/heads/a"]) ?? []).includes(odd)).toBe(true);
});

test("an unknown peeled id keeps the encoder from promising any", () => {
  expect(text(encodePackedRefs([{ name: "refs/heads/x", oid: A }]))).toBe(
    `# pack-refs with: sorted \n${A} refs/heads/x\n`,
  );
});

test("damaged files give a typed error, whatever is damaged", () => {
  const use = (bytes: Uint8Array): void => {
    try {
      const packed = openPackedRefs(bytes, "sha1");
      packed.find("refs/heads/m");
      for (const ref of packed.entries()) expect(ref.oid).toHaveLength(40);
      const walk = packed.under("refs/heads/");
      for (const name of ["refs/heads/b", undefined]) {
        for (const batch of walk.upTo(name))
          for (const ref of refsOf(batch, "sha1")) expect(ref.oid).toHaveLength(40);
      }
      packed.without(["refs/heads/a"]);
    } catch (error) {
      expect(error).toBeInstanceOf(StorageError);
      expect((error as StorageError).code).toBe("STORAGE_CORRUPT");
    }
  };
  fc.assert(fc.property(fc.uint8Array({ maxLength: 300 }), use));
  fc.assert(
    fc.property(refs, fc.nat(), fc.nat(255), fc.boolean(), (list, at, value, cut) => {
      const bytes = Buffer.from(encodePackedRefs(list));
      bytes[at % bytes.length] = value;
      use(cut ? bytes.subarray(0, at % bytes.length) : bytes);
    }),
  );
  expect(() => openPackedRefs(Buffer.from(`${A} refs/heads/x`), "sha1")).toThrow(StorageError);
});

/** Names of which few or many fit into a block that is told as lines; some are not plain, one is no ref's name. */
const named = (count: number): fc.Arbitrary<PackedRef[]> =>
  fc.tuple(fc.constantFrom("x", "ü", ".."), fc.nat(count - 1), fc.nat(3)).map(([odd, place, tagEvery]) =>
    Array.from({ length: count }, (_, i) => ({
      name: `refs/heads/${i === place ? odd : "n"}${String(i).padStart(6, "0")}`,
      oid: A,
      peeled: tagEvery > 0 && i % tagEvery === 0 ? B : null,
    })).sort((a, b) => compareNames(a.name, b.name)),
  );

test("a walk gives every ref once, but for those it stops at", () => {
  const stops = fc.array(fc.tuple(fc.nat(9_999), fc.boolean()), { maxLength: 6 });
  fc.assert(
    fc.property(fc.oneof(named(10), named(9_000)), stops, (list, chosen) => {
      const packed = openPackedRefs(encodePackedRefs(list), "sha1");
      const names = chosen.map(([n, exact]) => `${list[n % list.length]!.name}${exact ? "" : "-"}`);
      const walk = packed.under("refs/heads/");
      const batches = [...names.sort(compareNames), undefined].flatMap((name) => [...walk.upTo(name)]);
      const told = batches.flatMap((batch) => refsOf(batch, "sha1"));
      const expected = list.filter(({ name }) => checkRefName(name) && !names.includes(name));
      expect(told.length).toBe(expected.length);
      expect(
        told.every((ref, i) => ref.name === expected[i]!.name && ref.peeled === expected[i]!.peeled),
      ).toBe(true);
      for (const batch of batches) {
        expect(countRefs(batch)).toBe(refsOf(batch, "sha1").length);
        if (isRefLines(batch)) expect(batch.lines.length).toBeLessThan(300 * 1024);
      }
    }),
    { numRuns: 40 },
  );
});

test("a walk keeps to its prefix, and tells whether tags are peeled there", () => {
  const lines = Array.from({ length: 40 }, (_, i) => `${A} refs/heads/${String(i).padStart(2, "0")}`);
  const tags = lines.map((line) => line.replace("heads", "tags"));
  for (const [traits, ofHeads] of [
    ["peeled fully-peeled sorted", true],
    ["peeled sorted", false],
  ] as const) {
    const packed = openPackedRefs(file(`# pack-refs with: ${traits} `, ...lines, ...tags), "sha1");
    const told = (prefix: string): unknown[] =>
      [...packed.under(prefix).upTo()].map((batch) => [
        isRefLines(batch) && batch.isPeeled,
        countRefs(batch),
      ]);
    expect(told("refs/heads/")).toEqual([[ofHeads, 40]]);
    expect(told("refs/tags/")).toEqual([[true, 40]]);
    expect(told("refs/")).toEqual([[ofHeads, 80]]);
    expect(told("refs/heads/1")).toEqual([[false, 10]]);
    expect(told("refs/none/")).toEqual([]);
  }
});
