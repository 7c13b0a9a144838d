import fc from "fast-check";
import { StorageError } from "../errors.ts";
import { expect, test } from "vitest";
import { parseConfig } from "./parse-config.ts";

test("sections, subsections, comments, quoting and continued lines", () => {
  const text = `\ufeff; comment
[Core] bare = true # why not
\tFileMode
[remote "Or\\"ig\\\\in"]\turl = "a b" c  ; tail
  fetch = +refs/*:\\
refs/x/*
  fetch = second
[old.Style]
empty =
quoted = " keep # this ; "
escaped = a\\tb\\nc\\\\d
`;
  expect(parseConfig(text)).toEqual([
    { key: "core.bare", value: "true" },
    { key: "core.filemode", value: "true" },
    { key: 'remote.Or"ig\\in.url', value: "a b c" },
    { key: 'remote.Or"ig\\in.fetch', value: "+refs/*:refs/x/*" },
    { key: 'remote.Or"ig\\in.fetch', value: "second" },
    { key: "old.style.empty", value: "" },
    { key: "old.style.quoted", value: " keep # this ; " },
    { key: "old.style.escaped", value: "a\tb\nc\\d" },
  ]);
});

test.each([
  "[core",
  "[co re]\n",
  "key = 1\n",
  "[a]\n1x = y\n",
  '[a "b]\n',
  '[a]\nx = "open\n',
  "[a]\nx = \\q\n",
  "[a]\nx y\n",
])("refuses %j", (text) => {
  expect(() => parseConfig(text)).toThrow(StorageError);
});

test("anything at all parses or gives a typed error", () => {
  const piece = fc.constantFrom(
    "[",
    "]",
    '"',
    "\\",
    "\n",
    " ",
    "=",
    "#",
    ";",
    "a",
    "1",
    ".",
    "core",
    "\r\n",
    "\t",
  );
  fc.assert(
    fc.property(fc.array(piece, { maxLength: 30 }), (pieces) => {
      try {
        parseConfig(pieces.join(""));
      } catch (error) {
        expect((error as StorageError).code).toBe("STORAGE_CORRUPT");
      }
    }),
    { numRuns: 1000 },
  );
});
