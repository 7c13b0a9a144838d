import { type Inflater, StreamInflater } from "../inflate/inflater.ts";
import type { Workspace } from "./workspace.ts";

/** What a `KernelInflater` works with. */
export interface KernelInflaterOptions {
  readonly workspace: Workspace;
  /** Where the input of one `open` is kept, with room for `MAX_INPUT_BYTES`. */
  readonly inputAt: number;
  /** Streams up to this size come in one piece. */
  readonly wholeBytes: number;
  /** An address for content of so many bytes. */
  readonly allocate: (bytes: number) => number;
  /** Takes content: a view of the kernel's memory where it was inflated there, else of other memory. */
  readonly onOutput: (bytes: Uint8Array) => void;
}

/** The longest input that `open` takes. */
export const MAX_INPUT_BYTES: number = 64 * 1024;

/** Inflated over packed size up to which a stream is taken to lie in the input at hand. */
const LIKELY_RATIO = 4;
const EMPTY: Uint8Array = new Uint8Array(0);

/**
 * Inflates in the kernel what lies in one input whole, into its memory; what does not, or is damaged, goes to the
 * resumable inflater, which finds out.
 */
export class KernelInflater implements Inflater {
  readonly #options: KernelInflaterOptions;
  readonly #resumable: StreamInflater;
  #input: Uint8Array = EMPTY;
  #expectedBytes = 0;
  /** Nothing taken yet of the stream. */
  #isUntouched = false;
  #isDone = true;

  constructor(options: KernelInflaterOptions) {
    this.#options = options;
    this.#resumable = new StreamInflater(options.wholeBytes, options.onOutput, false);
  }

  get done(): boolean {
    return this.#isDone;
  }

  /** Tells what the following calls of `push` will read from. */
  open(input: Uint8Array): void {
    const { workspace, inputAt } = this.#options;
    this.#input = input.length <= MAX_INPUT_BYTES ? input : EMPTY;
    workspace.kernel.bytes.set(this.#input, inputAt);
  }

  reset(expectedBytes: number): void {
    this.#expectedBytes = expectedBytes;
    this.#isUntouched = true;
    this.#isDone = false;
  }

  push(input: Uint8Array, start: number, end: number): number {
    if (this.#isUntouched) {
      if (end === start) return 0;
      this.#isUntouched = false;
      const consumed = input === this.#input ? this.#tryWhole(start, end) : 0;
      if (consumed > 0) return consumed;
      this.#resumable.reset(this.#expectedBytes);
    }
    const consumed = this.#resumable.push(input, start, end);
    this.#isDone = this.#resumable.done;
    return consumed;
  }

  /** Bytes taken of a stream that ends before `end`; 0 where it does not, or is not sound. */
  #tryWhole(start: number, end: number): number {
    const { workspace, inputAt, wholeBytes, allocate, onOutput } = this.#options;
    const { kernel } = workspace;
    const bytes = this.#expectedBytes;
    if (bytes > wholeBytes || (end - start) * LIKELY_RATIO < bytes) return 0;
    const at = allocate(bytes);
    const consumed = kernel.inflate(inputAt + start, inputAt + end, at, bytes);
    if (consumed <= 0) return 0;
    this.#isDone = true;
    onOutput(kernel.bytes.subarray(at, at + bytes));
    return consumed;
  }
}
