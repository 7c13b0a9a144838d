import { expect, it } from "vitest";
import { CHUNK_BYTES, createChunkPool } from "./chunk-pool.ts";

it("lends what was given back, each buffer to one at a time", () => {
  const pool = createChunkPool();
  const first = pool.take();
  const second = pool.take();
  expect(second.buffer).not.toBe(first.buffer);
  pool.give(first.subarray(10, 20));
  pool.give(first);
  const again = [pool.take(), pool.take()];
  expect(again.map(({ length }) => length)).toEqual([CHUNK_BYTES, CHUNK_BYTES]);
  expect(again[0]!.buffer).toBe(first.buffer);
  expect(again[1]!.buffer).not.toBe(first.buffer);
});

it("keeps no more than it may, and nothing that is not its own", () => {
  const pool = createChunkPool(1);
  const chunks = [pool.take(), pool.take()];
  pool.give(new Uint8Array(CHUNK_BYTES));
  for (const chunk of chunks) pool.give(chunk);
  expect(pool.take().buffer).toBe(chunks[0]!.buffer);
  expect(pool.take().buffer).not.toBe(chunks[1]!.buffer);
});
