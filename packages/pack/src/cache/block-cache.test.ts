import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { OperationOptions, RandomAccess } from "../random-access.ts";
import { createBlockCache } from "./block-cache.ts";

const content = Uint8Array.from({ length: 1000 }, (_, i) => i * 7);

/** A source that notes its reads and answers when told. */
function slowSource(bytes: Uint8Array = content) {
  const reads: { offset: number; length: number; signal: AbortSignal | undefined; answer: () => void }[] = [];
  const source: RandomAccess = {
    sizeBytes: content.length,
    read: (offset, length, options?: OperationOptions) =>
      new Promise((resolve, reject) => {
        const signal = options?.signal;
        signal?.addEventListener("abort", () => reject(signal.reason));
        reads.push({ offset, length, signal, answer: () => resolve(bytes.slice(offset, offset + length)) });
      }),
  };
  return { source, reads };
}

const prompt: RandomAccess = {
  sizeBytes: content.length,
  read: async (offset, length) => content.slice(offset, offset + length),
};

const tick = () => new Promise((resolve) => setImmediate(resolve));

describe("block cache", () => {
  it("reads what the source has, whatever its budget", async () => {
    const range = fc.tuple(fc.nat(1100), fc.nat(400));
    await fc.assert(
      fc.asyncProperty(
        fc.array(range, { maxLength: 30 }),
        fc.constantFrom(10, 200, 5000),
        async (ranges, budgetBytes) => {
          const blocks = createBlockCache({ budgetBytes, blockBytes: 64 });
          const reader = blocks.attach(prompt);
          const together = await Promise.all(ranges.map(([offset, length]) => reader.read(offset, length)));
          ranges.forEach(([offset, length], i) => {
            const expected = content.slice(offset, offset + length);
            expect(together[i]).toEqual(expected);
            const atHand = reader.tryRead(offset, length);
            if (atHand !== undefined) expect(atHand).toEqual(expected);
          });
          expect(blocks.usedBytes).toBeLessThanOrEqual(budgetBytes);
          for (const [offset, length] of ranges) {
            expect(await reader.read(offset, length)).toEqual(content.slice(offset, offset + length));
          }
        },
      ),
    );
  });

  it("answers without waiting what it has read, and nothing after its release", async () => {
    const reader = createBlockCache({ budgetBytes: 4096, blockBytes: 64 }).attach(prompt);
    expect(reader.tryRead(0, 10)).toBeUndefined();
    await reader.read(0, 128);
    expect(reader.tryRead(10, 100)).toEqual(content.slice(10, 110));
    expect(reader.tryRead(120, 20)).toBeUndefined();
    reader.release();
    expect(reader.tryRead(10, 10)).toBeUndefined();
  });

  it("reads adjacent missing blocks in one go, and a block once for many", async () => {
    const { source, reads } = slowSource();
    const reader = createBlockCache({ budgetBytes: 4096, blockBytes: 64 }).attach(source);
    const first = reader.read(0, 200);
    const second = reader.read(100, 300);
    await tick();
    expect(reads.map((r) => [r.offset, r.length])).toEqual([
      [0, 256],
      [256, 192],
    ]);
    for (const read of reads) read.answer();
    expect(await first).toEqual(content.slice(0, 200));
    expect(await second).toEqual(content.slice(100, 400));
    expect(reader.tryRead(0, 440)).toBeDefined();
    expect(reads).toHaveLength(2);
  });

  it("ends a read when all who wait for it have given up", async () => {
    const { source, reads } = slowSource();
    const reader = createBlockCache({ budgetBytes: 4096, blockBytes: 64 }).attach(source);
    const controllers = [new AbortController(), new AbortController()];
    const waits = controllers.map((c) => reader.read(0, 10, { signal: c.signal }));
    await tick();
    controllers[0]!.abort("first");
    await expect(waits[0]).rejects.toBe("first");
    expect(reads[0]!.signal!.aborted).toBe(false);
    controllers[1]!.abort("second");
    await expect(waits[1]).rejects.toBe("second");
    expect(reads[0]!.signal!.aborted).toBe(true);
    const again = reader.read(0, 10);
    await tick();
    reads[1]!.answer();
    expect(await again).toEqual(content.slice(0, 10));
  });

  it("goes on for the others when one gives up", async () => {
    const { source, reads } = slowSource();
    const reader = createBlockCache({ budgetBytes: 4096, blockBytes: 64 }).attach(source);
    const controller = new AbortController();
    const given = reader.read(0, 10, { signal: controller.signal });
    const kept = reader.read(5, 10);
    await tick();
    controller.abort("enough");
    await expect(given).rejects.toBe("enough");
    reads[0]!.answer();
    expect(await kept).toEqual(content.slice(5, 15));
  });

  it("tells of a source that is shorter than it says, and tries again next time", async () => {
    const { source, reads } = slowSource(content.subarray(0, 100));
    const reader = createBlockCache({ budgetBytes: 4096, blockBytes: 64 }).attach(source);
    for (let time = 0; time < 2; time++) {
      const read = reader.read(64, 64);
      await tick();
      reads[time]!.answer();
      await expect(read).rejects.toMatchObject({ code: "PACK_TRUNCATED", offset: 100 });
    }
  });
});
