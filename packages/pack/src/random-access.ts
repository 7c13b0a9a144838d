/** Options that every operation which waits for bytes takes. */
export interface OperationOptions {
  /** Ends the wait; the operation then throws `signal.reason`. */
  readonly signal?: AbortSignal | undefined;
}

/** Bytes that can be read at any place, such as a stored pack; its length is known. */
export interface RandomAccess {
  readonly sizeBytes: number;
  /**
   * Reads `length` bytes at `offset`; fewer only where the source ends.
   * The bytes belong to the caller.
   */
  read(offset: number, length: number, options?: OperationOptions): Promise<Uint8Array>;
  /**
   * Reads from `offset` on into `targets`, one behind the other, and answers how many bytes it read: fewer than there is
   * room for only where the source ends. However it settles, nothing writes to the targets afterwards.
   * Absent: `read` does the work, and the bytes are copied.
   */
  readInto?(targets: readonly Uint8Array[], offset: number, options?: OperationOptions): Promise<number>;
  /** An open file that holds the bytes at their places, where there is one: other threads read it themselves. */
  readonly fd?: number | undefined;
}

/** Where a pack goes while it arrives: bytes in, readable again at once. */
export interface PackSink {
  /** Appends bytes; they are the sink's to keep or copy before the promise settles, the caller's again after. */
  write(bytes: Uint8Array): Promise<void>;
  /** Everything written so far. */
  open(): Promise<RandomAccess>;
  /**
   * A place of the same kind, empty, for what has to be put aside until the pack is understood; it goes when the pack
   * lands or is given up. Absent: it stays in memory.
   */
  scratch?: (() => Promise<PackSink>) | undefined;
}
