import fc from "fast-check";
import { expect, it } from "vitest";
import { createSpool } from "./spool.ts";

it("writes everything in order, in few pieces, whatever the sizes", async () => {
  const sizes = fc.array(fc.oneof(fc.nat(50), fc.nat(200_000), fc.constant(300_000)), { maxLength: 40 });
  await fc.assert(
    fc.asyncProperty(sizes, async (lengths) => {
      const written: Uint8Array[] = [];
      const spool = createSpool({
        async write(bytes) {
          await Promise.resolve();
          written.push(new Uint8Array(bytes));
        },
        open: () => Promise.reject(new Error("not asked for")),
      });
      const pieces = lengths.map((length, i) => new Uint8Array(length).fill(i + 1));
      for (const piece of pieces) {
        const reused = new Uint8Array(piece);
        await spool.write(reused);
        reused.fill(0);
      }
      await spool.flush();
      await spool.flush();
      expect(Buffer.compare(Buffer.concat(written), Buffer.concat(pieces))).toBe(0);
      expect(spool.sizeBytes).toBe(lengths.reduce((sum, n) => sum + n, 0));
      const small = written.filter((bytes) => bytes.length < 32 * 1024).length;
      expect(small).toBeLessThanOrEqual(1 + lengths.filter((n) => n >= 64 * 1024).length);
    }),
    { numRuns: 40 },
  );
});
