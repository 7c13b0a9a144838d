import { INFLATE_TRUNCATED } from "../kernel/kernel.ts";
import { type Inflater, StreamInflater } from "../inflate/inflater.ts";
import type { Workspace } from "./workspace.ts";

/** What a `KernelInflater` works with. */
export interface KernelInflaterOptions {
  readonly workspace: Workspace;
  /** Where inputs are kept, with room for `INPUT_ROOM_BYTES`. */
  readonly inputAt: number;
  /** Streams up to this size come in one piece. */
  readonly wholeBytes: number;
  /** An address for content of so many bytes. */
  readonly allocate: (bytes: number) => number;
  /** Takes content: a view of the kernel's memory where it was inflated there, else of other memory. */
  readonly onOutput: (bytes: Uint8Array) => void;
}

/** The longest input that `open` takes, and the longest start of a stream that is kept for the next one. */
const MAX_INPUT_BYTES = 128 * 1024;
export const INPUT_ROOM_BYTES: number = 2 * MAX_INPUT_BYTES;

/** A call of zlib costs more than the kernel takes for a CRC of so many bytes. */
const SHORT_BYTES = 2048;
/** A stream that goes on in the next input is begun again there, unless that brings less than this share of it. */
const LEAST_SHARE = 4;
const EMPTY: Uint8Array = new Uint8Array(0);

/**
 * Inflates in the kernel, into its memory, what lies in one input whole, or in one and the next. Streams that are
 * longer or damaged go to the resumable inflater, which takes them piece by piece and finds out.
 */
export class KernelInflater implements Inflater {
  readonly #options: KernelInflaterOptions;
  readonly #resumable: StreamInflater;
  /** Where the present input starts; the kept start of a stream lies right before it. */
  readonly #inputAt: number;
  #input: Uint8Array = EMPTY;
  #keptBytes = 0;
  #expectedBytes = 0;
  /** The resumable inflater has the stream. */
  #isHandedOver = false;
  #isDone = true;

  constructor(options: KernelInflaterOptions) {
    this.#options = options;
    this.#resumable = new StreamInflater(options.wholeBytes, options.onOutput, false);
    this.#inputAt = options.inputAt + MAX_INPUT_BYTES;
  }

  get done(): boolean {
    return this.#isDone;
  }

  /** Tells what the following calls of `push` will read from. */
  open(input: Uint8Array): void {
    this.#input = input.length <= MAX_INPUT_BYTES ? input : EMPTY;
    this.#options.workspace.kernel.bytes.set(this.#input, this.#inputAt);
  }

  crc32(start: number, end: number, seed: number): number | undefined {
    if (end > this.#input.length || end - start > SHORT_BYTES) return undefined;
    return this.#options.workspace.kernel.crc32(this.#inputAt + start, end - start, seed);
  }

  reset(expectedBytes: number): void {
    this.#expectedBytes = expectedBytes;
    this.#isHandedOver = false;
    this.#isDone = false;
    this.#keptBytes = 0;
  }

  push(input: Uint8Array, start: number, end: number): number {
    if (end === start) return 0;
    if (!this.#isHandedOver) {
      const consumed = input === this.#input ? this.#tryWhole(start, end) : 0;
      if (consumed > 0) return consumed;
      this.#handOver();
    }
    const consumed = this.#resumable.push(input, start, end);
    this.#isDone = this.#resumable.done;
    return consumed;
  }

  /** Bytes taken of a stream that ends before `end`, or is kept up to there; 0 where the kernel is not for it. */
  #tryWhole(start: number, end: number): number {
    const { workspace, wholeBytes, allocate, onOutput } = this.#options;
    const { kernel } = workspace;
    const bytes = this.#expectedBytes;
    const kept = this.#keptBytes;
    const length = end - start;
    if (bytes > wholeBytes || length * LEAST_SHARE < kept) return 0;
    const from = this.#inputAt + start - kept;
    const at = allocate(bytes);
    const consumed = kernel.inflate(from, this.#inputAt + end, at, bytes);
    if (consumed > 0) {
      this.#isDone = true;
      onOutput(kernel.bytes.subarray(at, at + bytes));
      return consumed - kept;
    }
    if (consumed !== INFLATE_TRUNCATED || kept + length > MAX_INPUT_BYTES) return 0;
    kernel.bytes.copyWithin(this.#inputAt - kept - length, from, this.#inputAt + end);
    this.#keptBytes = kept + length;
    return length;
  }

  #handOver(): void {
    const kept = this.#keptBytes;
    this.#isHandedOver = true;
    this.#keptBytes = 0;
    this.#resumable.reset(this.#expectedBytes);
    if (kept > 0) {
      const { bytes } = this.#options.workspace.kernel;
      this.#resumable.push(bytes.slice(this.#inputAt - kept, this.#inputAt), 0, kept);
    }
  }
}
