import { type Kernel, createKernel } from "../../src/kernel/kernel.ts";

/** A kernel with bytes laid out for a test: each `put` starts at an odd address, with noise behind it. */
export interface Bench {
  readonly kernel: Kernel;
  put(bytes: Uint8Array): number;
  /** Room for `length` bytes, filled with 0xa5 as far as 256 bytes past its end. */
  room(length: number): number;
  get(at: number, length: number): Buffer;
  clear(): void;
}

const NOISE_BYTES = 256;
export const UNTOUCHED = 0xa5;

/** Makes a kernel whose memory tests fill as they go; `clear` starts over. */
export function createBench(): Bench {
  const kernel = createKernel();
  let end = kernel.heapStart;
  const take = (length: number): number => {
    const at = end;
    end += length + NOISE_BYTES;
    kernel.ensure(end);
    return at;
  };
  return {
    kernel,
    put(bytes) {
      end |= 1;
      const at = take(bytes.length);
      kernel.bytes.set(bytes, at);
      for (let i = 0; i < NOISE_BYTES; i++)
        kernel.bytes[at + bytes.length + i] = (i * 167 + bytes.length) & 255;
      return at;
    },
    room(length) {
      const at = take(length);
      kernel.bytes.fill(UNTOUCHED, at, end);
      return at;
    },
    get: (at, length) => Buffer.from(kernel.bytes.slice(at, at + length)),
    clear() {
      end = kernel.heapStart;
    },
  };
}
