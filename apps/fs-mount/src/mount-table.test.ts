import fc from "fast-check";
import { expect, test } from "vitest";
import { parseMountInfo } from "./mount-table.ts";

test("the list of mounts is read, blanks in names too, and nonsense is left out", () => {
  const text = [
    "36 35 98:0 /mnt1 /mnt\\0402 rw,noatime master:1 - ext3 /dev/root rw,errors=continue",
    "40 35 0:50 / /w rw,nosuid - fuse millrace:https://example.com/x rw",
    "",
    "nonsense - ",
    "- - -",
  ].join("\n");
  expect(parseMountInfo(text)).toEqual([
    { directory: "/mnt 2", type: "ext3", source: "/dev/root" },
    { directory: "/w", type: "fuse", source: "millrace:https://example.com/x" },
  ]);
  fc.assert(
    fc.property(fc.string({ unit: fc.constantFrom("/", " - ", " ", "\\040", "\n", "fuse") }), (any) => {
      for (const found of parseMountInfo(any)) expect(found.type).not.toBe(undefined);
    }),
  );
});
