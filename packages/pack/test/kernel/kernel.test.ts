import { describe, expect, it } from "vitest";
import { createKernel, sharedKernel } from "../../src/kernel/kernel.ts";

describe("createKernel", () => {
  it("gives each its own memory, and the thread one for all", () => {
    const [one, two] = [createKernel(), createKernel()];
    one.bytes[one.heapStart] = 1;
    two.bytes[two.heapStart] = 2;
    expect([one.bytes[one.heapStart], two.bytes[two.heapStart]]).toEqual([1, 2]);
    expect(sharedKernel()).toBe(sharedKernel());
  });

  it("starts the caller's part of memory on a line of its own", () => {
    const { heapStart, bytes } = createKernel();
    expect(heapStart % 64).toBe(0);
    expect(heapStart).toBeLessThan(bytes.length);
  });

  it("grows and keeps what is there", () => {
    const kernel = createKernel();
    const at = kernel.heapStart;
    kernel.bytes[at] = 77;
    const { bytes } = kernel;
    const sizeBytes = bytes.length;
    kernel.ensure(sizeBytes - 64);
    expect(kernel.bytes === bytes).toBe(true);
    kernel.ensure(sizeBytes);
    expect(bytes.length).toBe(0);
    expect(kernel.bytes.length).toBeGreaterThanOrEqual(sizeBytes + 64);
    expect(kernel.words.buffer).toBe(kernel.bytes.buffer);
    expect(kernel.bytes[at]).toBe(77);
  });

  it("refuses what cannot be had", () => {
    const kernel = createKernel();
    for (const end of [2 ** 32, 2 ** 40]) {
      expect(() => kernel.ensure(end)).toThrow(expect.objectContaining({ code: "PACK_LIMIT_EXCEEDED" }));
    }
    expect(kernel.crc32(kernel.heapStart, 0, 0)).toBe(0);
  });
});
