import fc from "fast-check";
import { expect, it } from "vitest";
import { toByteReader } from "./to-byte-reader.ts";

it("puts the chunks' bytes where they are wanted, however they are cut", async () => {
  const chunks = fc.array(fc.uint8Array({ maxLength: 20 }), { maxLength: 20 });
  const rooms = fc.array(fc.array(fc.nat(20), { minLength: 1, maxLength: 5 }), {
    minLength: 1,
    maxLength: 5,
  });
  await fc.assert(
    fc.asyncProperty(chunks, rooms, async (given, sizes) => {
      async function* source(): AsyncGenerator<Uint8Array> {
        yield* given;
      }
      const reader = toByteReader(source());
      const out: Uint8Array[] = [];
      for (let turn = 0; ; turn++) {
        const targets = [...sizes[turn % sizes.length]!, 1].map((size) => new Uint8Array(size));
        const filled = await reader.readInto(targets);
        const all = Buffer.concat(targets);
        out.push(all.subarray(0, filled));
        if (filled < all.length) break;
      }
      expect(await reader.readInto([new Uint8Array(1)])).toBe(0);
      expect(Buffer.concat(out).equals(Buffer.concat(given))).toBe(true);
    }),
  );
});

it("leaves the stream, once, and not behind its end", async () => {
  const left: string[] = [];
  async function* source(size: number): AsyncGenerator<Uint8Array> {
    try {
      yield new Uint8Array(size);
    } finally {
      left.push(`after ${size}`);
    }
  }
  const early = toByteReader(source(3));
  await early.readInto([new Uint8Array(2)]);
  await early[Symbol.asyncDispose]();
  await early[Symbol.asyncDispose]();
  expect(await early.readInto([new Uint8Array(2)])).toBe(1);
  const whole = toByteReader(source(1));
  await whole.readInto([new Uint8Array(2)]);
  await whole[Symbol.asyncDispose]();
  expect(left).toEqual(["after 3", "after 1"]);
});
