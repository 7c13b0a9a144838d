import { createHash } from "node:crypto";
import type { ByteReader } from "@millrace/pack";
import { sidebandPackets } from "@millrace/pktline";
import fc from "fast-check";
import { expect, it } from "vitest";
import { CHUNK_BYTES, createChunkPool } from "../stream/chunk-pool.ts";
import { openPackPackets } from "./pack-packets.ts";

/** A pack of which byte `i` is drawn from `i`. */
function packOf(sizeBytes: number): ByteReader & { readonly bytes: Uint8Array } {
  const bytes = new Uint8Array(sizeBytes);
  for (let i = 0; i < sizeBytes; i++) bytes[i] = (i * 2654435761) >>> 24;
  let at = 0;
  return {
    bytes,
    async readInto(targets) {
      const start = at;
      for (const target of targets) {
        const part = bytes.subarray(at, at + target.length);
        target.set(part);
        at += part.length;
      }
      return at - start;
    },
    async [Symbol.asyncDispose]() {},
  };
}

const digest = (bytes: Uint8Array): string => createHash("sha1").update(bytes).digest("hex");

it.each([undefined, 995])("cuts any pack into full packets and a last one, %s", async (maxDataBytes) => {
  const full = maxDataBytes ?? 65_515;
  const near = (size: number) => fc.integer({ min: Math.max(0, size - 2), max: size + 2 });
  const sizes = fc.oneof(
    fc.nat(3 * full),
    near(0),
    near(full),
    near(16 * full),
    near(17 * full),
    near(33 * full),
  );
  await fc.assert(
    fc.asyncProperty(sizes, fc.boolean(), async (sizeBytes, pooled) => {
      const pool = createChunkPool();
      const pack = packOf(sizeBytes);
      const packets = openPackPackets(pack, maxDataBytes, pooled ? pool : undefined);
      const hash = createHash("sha1");
      for (let chunk = await packets.next(); chunk !== undefined; chunk = await packets.next()) {
        expect(chunk.length).toBeGreaterThan(0);
        hash.update(chunk);
        chunk.fill(255);
        pool.give(chunk);
      }
      expect(packets.packBytes).toBe(sizeBytes);
      expect(hash.digest("hex")).toBe(digest(sidebandPackets(1, pack.bytes, maxDataBytes)));
    }),
    { numRuns: 40 },
  );
});

it("takes a small chunk first and then large ones of the pool, one for each call", async () => {
  const pool = createChunkPool();
  let taken = 0;
  const counted = { ...pool, take: () => (taken++, pool.take()) };
  const packets = openPackPackets(packOf(3_000_000), undefined, counted);
  const lengths: number[] = [];
  for (let chunk = await packets.next(); chunk !== undefined; chunk = await packets.next()) {
    lengths.push(chunk.length);
    expect(taken).toBe(lengths.length - 1);
  }
  expect(lengths.slice(0, 3)).toEqual([65_520, CHUNK_BYTES, CHUNK_BYTES]);
});
