import fc from "fast-check";
import { expect, test } from "vitest";
import { StorageError } from "./errors.ts";
import { compareNames } from "./name-order.ts";
import { encodePackedRefs } from "./packed-refs-encode.ts";
import { openPackedRefs, type PackedRef } from "./packed-refs.ts";

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
