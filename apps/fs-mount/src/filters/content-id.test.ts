import fc from "fast-check";
import { expect, test } from "vitest";
import { contentId, detailOf, formatScope, isContentId, objectOf, parseScope } from "./content-id.ts";
import { formatConversion, parseConversion } from "./conversion.ts";

const hex = (length: number): fc.Arbitrary<string> =>
  fc.string({ unit: fc.constantFrom(..."0123456789abcdef".split("")), minLength: length, maxLength: length });
const bytes = fc
  .uint8Array({ maxLength: 12 })
  .map((path) => Buffer.from(path).toString("latin1").replaceAll("\0", ""));

test("what an id says of a directory and of a file is read as it was written", () => {
  const file = fc.record({
    id: hex(40),
    kind: fc.constantFrom("root" as const, "below" as const, "settings" as const),
    path: fc.option(bytes, { nil: undefined }),
  });
  const scope = fc.record({ isRoot: fc.boolean(), files: fc.array(file, { maxLength: 4 }) });
  const conversion = fc.record({
    ident: fc.boolean(),
    crlf: fc.constantFrom(undefined, "always" as const, "auto" as const),
    encoding: fc.option(
      bytes.map((name) => `x${name}`),
      { nil: undefined },
    ),
    lfs: fc.boolean(),
  });
  fc.assert(
    fc.property(hex(64), scope, conversion, (oid, asked, converted) => {
      const text = formatScope(asked);
      expect(parseScope(text)).toEqual(asked);
      for (const detail of [text ?? "", formatConversion(converted)]) {
        const id = contentId(oid, detail);
        expect(isContentId(id)).toBe(true);
        expect([objectOf(id), detailOf(id)]).toEqual([oid, detail]);
      }
      expect(parseConversion(formatConversion(converted))).toEqual(converted);
    }),
  );
});

test("an object's id says nothing more", () => {
  const oid = "1".repeat(40);
  expect([objectOf(oid), detailOf(oid), isContentId(oid), isContentId("12:crlf")]).toEqual([
    oid,
    undefined,
    true,
    false,
  ]);
});
