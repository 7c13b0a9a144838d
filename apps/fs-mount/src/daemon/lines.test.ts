import fc from "fast-check";
import { describe, expect, test } from "vitest";
import { JsonLines, jsonLine } from "./lines.ts";

const MAX_BYTES = 256;

describe("lines of JSON", () => {
  test("are the same, however they arrive", () => {
    fc.assert(
      fc.property(
        fc.array(fc.jsonValue({ maxDepth: 2, stringUnit: "grapheme" }), { maxLength: 8 }),
        fc.array(fc.integer({ min: 1, max: 7 })),
        (values, cuts) => {
          const bytes = Buffer.from(values.map(jsonLine).join(""));
          const lines = new JsonLines(1 << 20);
          const got: unknown[] = [];
          for (let at = 0, turn = 0; at < bytes.length; turn++) {
            const length = cuts[turn % Math.max(1, cuts.length)] ?? bytes.length;
            got.push(...lines.push(bytes.subarray(at, at + length)));
            at += length;
          }
          // What JSON cannot tell apart counts as the same.
          expect(got).toEqual(values.map((value) => JSON.parse(JSON.stringify(value)) as unknown));
        },
      ),
    );
  });

  test("of anything at all end in a typed error, within the bound", () => {
    fc.assert(
      fc.property(fc.array(fc.uint8Array({ maxLength: 100 }), { maxLength: 20 }), (chunks) => {
        const lines = new JsonLines(MAX_BYTES);
        try {
          for (const chunk of chunks) for (const _ of lines.push(chunk));
        } catch (error) {
          expect(error).toMatchObject({ code: "MOUNT_BAD_REQUEST" });
        }
      }),
    );
  });

  test("may be so long and no longer, with an end or without one", () => {
    const text = JSON.stringify("x".repeat(MAX_BYTES - 2));
    expect([...new JsonLines(MAX_BYTES).push(Buffer.from(`${text}\n`))]).toHaveLength(1);
    for (const end of ["\n", ""]) {
      const longer = Buffer.from(` ${text}${end}`);
      expect(() => [...new JsonLines(MAX_BYTES).push(longer)]).toThrow(`${MAX_BYTES} bytes`);
    }
  });
});
