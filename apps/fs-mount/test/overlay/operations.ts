import fc from "fast-check";

/** A path: names from the root. */
export type Path = readonly string[];

/** What somebody does to files, in terms of paths. */
export type Operation =
  | { readonly kind: "create" | "mkdir" | "fifo" | "unlink" | "rmdir"; readonly path: Path }
  | { readonly kind: "symlink"; readonly path: Path; readonly target: string }
  | { readonly kind: "link"; readonly path: Path; readonly to: Path }
  | { readonly kind: "rename"; readonly path: Path; readonly to: Path; readonly flags: number }
  | { readonly kind: "write"; readonly path: Path; readonly offset: number; readonly data: string }
  | { readonly kind: "truncate"; readonly path: Path; readonly sizeBytes: number }
  | { readonly kind: "chmod"; readonly path: Path; readonly mode: number }
  | { readonly kind: "chown"; readonly path: Path; readonly uid: number }
  | { readonly kind: "utimes"; readonly path: Path; readonly seconds: number }
  | { readonly kind: "setxattr"; readonly path: Path; readonly value: string; readonly flags: number }
  | { readonly kind: "removexattr"; readonly path: Path };

/** Something that takes operations. */
export interface Files {
  /** `ok`, or the name of the error number. */
  run(operation: Operation): Promise<string>;
  /** All that there is, by path: one line each. */
  dump(): Promise<Map<string, string>>;
}

/** A base of files: content, an executable one's, a link, or a folder. */
export type Base = {
  readonly [name: string]: string | { run: string } | { link: string } | { folder: Base };
};

export const BASE: Base = {
  a: { folder: { a: "a/a", b: { folder: { c: "a/b/c", d: { link: "c" } } }, d: { run: "#!" } } },
  b: "b's content",
  c: { link: "b" },
  d: { folder: { a: { run: "d/a" }, "\xff": "bytes" } },
};

const name = fc.constantFrom("a", "b", "c", "d");
const path = fc.array(name, { minLength: 1, maxLength: 3 });
const data = fc.string({ minLength: 1, maxLength: 12 });
const small = fc.integer({ min: 0, max: 20 });
/** Some contents become too large for a row, in one step or in several. */
const written = fc.oneof(
  { weight: 4, arbitrary: data },
  { weight: 1, arbitrary: fc.constantFrom("5", "9").map((digit) => digit.repeat(Number(digit) * 1000)) },
);
const offset = fc.oneof(
  { weight: 6, arbitrary: small },
  { weight: 1, arbitrary: fc.constantFrom(4000, 9000) },
);
const size = fc.oneof(
  { weight: 4, arbitrary: small },
  { weight: 1, arbitrary: fc.constantFrom(6000, 10_000) },
);

/** Any operation on a few names, so that most of them meet something. */
export const operations: fc.Arbitrary<Operation> = fc.oneof(
  { weight: 3, arbitrary: fc.record({ kind: fc.constantFrom("create", "mkdir", "unlink", "rmdir"), path }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("fifo" as const), path }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("symlink" as const), path, target: data }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("link" as const), path, to: path }) },
  {
    weight: 5,
    arbitrary: fc.record({
      kind: fc.constant("rename" as const),
      path,
      to: path,
      flags: fc.constantFrom(0, 0, 0, 1, 2, 4),
    }),
  },
  { weight: 3, arbitrary: fc.record({ kind: fc.constant("write" as const), path, offset, data: written }) },
  { weight: 2, arbitrary: fc.record({ kind: fc.constant("truncate" as const), path, sizeBytes: size }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("chmod" as const),
      path,
      mode: fc.constantFrom(0o644, 0o755, 0o600),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("chown" as const), path, uid: small }) },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("utimes" as const), path, seconds: small }) },
  {
    weight: 1,
    arbitrary: fc.record({
      kind: fc.constant("setxattr" as const),
      path,
      value: data,
      flags: fc.constantFrom(0, 1, 2),
    }),
  },
  { weight: 1, arbitrary: fc.record({ kind: fc.constant("removexattr" as const), path }) },
);

const entry: fc.Arbitrary<Base[string]> = fc.letrec<{ entry: Base[string]; base: Base }>((tie) => ({
  entry: fc.oneof(
    { maxDepth: 3 },
    fc.constantFrom("b's content", "other"),
    fc.record({ run: fc.constantFrom("#!", "b's content") }),
    fc.record({ link: fc.constantFrom("b", "c") }),
    fc.record({ folder: tie("base") }),
  ),
  base: fc
    .dictionary(fc.constantFrom("a", "b", "c", "d"), tie("entry"), { minKeys: 1, maxKeys: 4 })
    .map((names) => ({ ...names })),
})).entry;
/** Any base of a few names, with some of the contents of `BASE`. */
export const bases: fc.Arbitrary<Base> = fc
  .dictionary(fc.constantFrom("a", "b", "c", "d"), entry, { maxKeys: 4 })
  .map((names) => ({ ...names }));
