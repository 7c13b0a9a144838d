/** Deltas that were found, deflated, in the order of their objects' search; told in batches. */
export interface DeltaBatch {
  /** Numbers of the objects. */
  readonly objects: Uint32Array;
  /** Deflated bytes of each. */
  readonly lengths: Uint32Array;
  /** One behind the other. */
  readonly bytes: Uint8Array;
}

/** Keeps deflated deltas until they are written. */
export class FoundDeltas {
  readonly #batches: Uint8Array[] = [];
  readonly #batchOf: Int32Array;
  readonly #offsets: Uint32Array;
  readonly #lengths: Uint32Array;

  constructor(count: number) {
    this.#batchOf = new Int32Array(count).fill(-1);
    this.#offsets = new Uint32Array(count);
    this.#lengths = new Uint32Array(count);
  }

  add({ objects, lengths, bytes }: DeltaBatch): void {
    const number = this.#batches.push(bytes) - 1;
    for (let i = 0, at = 0; i < objects.length; i++) {
      const object = objects[i]!;
      this.#batchOf[object] = number;
      this.#offsets[object] = at;
      this.#lengths[object] = lengths[i]!;
      at += lengths[i]!;
    }
  }

  /** The deflated delta of an object, shared; `undefined` where it is not kept. */
  get(object: number): Uint8Array | undefined {
    const batch = this.#batches[this.#batchOf[object]!];
    const at = this.#offsets[object]!;
    return batch?.subarray(at, at + this.#lengths[object]!);
  }
}

/** Collects deltas into batches of about `BATCH_BYTES`, as long as all of them together may be held. */
export class DeltaCollector {
  readonly #tell: (batch: DeltaBatch) => void;
  readonly #mayHold: (bytes: number) => boolean;
  #objects: number[] = [];
  #lengths: number[] = [];
  #bytes = new Uint8Array(BATCH_BYTES);
  #used = 0;

  constructor(tell: (batch: DeltaBatch) => void, mayHold: (bytes: number) => boolean) {
    this.#tell = tell;
    this.#mayHold = mayHold;
  }

  /** Takes a copy of a deflated delta. */
  take(object: number, deflated: Uint8Array): void {
    const { length } = deflated;
    if (!this.#mayHold(length)) return;
    if (this.#used + length > this.#bytes.length) {
      this.flush();
      if (length > BATCH_BYTES) this.#bytes = new Uint8Array(length);
    }
    this.#bytes.set(deflated, this.#used);
    this.#used += length;
    this.#objects.push(object);
    this.#lengths.push(length);
  }

  flush(): void {
    if (this.#objects.length === 0) return;
    // Cut to size: batches are held for long.
    const bytes = this.#bytes.slice(0, this.#used);
    this.#tell({ objects: Uint32Array.from(this.#objects), lengths: Uint32Array.from(this.#lengths), bytes });
    this.#objects = [];
    this.#lengths = [];
    this.#used = 0;
  }
}

const BATCH_BYTES = 1024 * 1024;
