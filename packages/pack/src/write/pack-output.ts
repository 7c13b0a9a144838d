import { createHasher, type Hasher } from "../hash.ts";
import type { ObjectFormat } from "../schema.ts";
import { clipTargets } from "../stream/targets.ts";

/** A pack on its way into the places that its reader gives, hashed where it lies there. */
export interface PackOutput {
  /** Bytes appended so far: where the next entry starts. */
  readonly position: number;
  /** Bytes put into the places given last. */
  readonly filledBytes: number;
  /** Whether those are full: give new ones before more is appended, or much will wait. */
  readonly isFull: boolean;
  /** Gives places; what waits for them goes first. The ones before must be full, and stay as they are until then. */
  begin(targets: readonly Uint8Array[]): void;
  /**
   * Copies `source[start..end]` behind what is there. What finds no place waits as a view: leave `source` alone until
   * this output is not full any more.
   */
  append(source: Uint8Array, start: number, end: number): void;
  /** The free places, `maxBytes` of them at most, to be filled by hand; then `advance`. */
  freePlaces(maxBytes: number): readonly Uint8Array[];
  /** So many bytes were put into the free places. */
  advance(bytes: number): void;
  /** Appends the trailer, the hash over everything before; not while it is full. */
  finish(): void;
}

/** Makes an output that has no places yet. */
export function createPackOutput(format: ObjectFormat): PackOutput {
  return new Output(createHasher(format));
}

class Output implements PackOutput {
  position = 0;
  filledBytes = 0;
  readonly #hasher: Hasher;
  #targets: readonly Uint8Array[] = [];
  /** Number of the target that is being filled, how far it is, and how far it is hashed. */
  #number = 0;
  #used = 0;
  #hashed = 0;
  #waiting: Uint8Array[] = [];
  /** The trailer is not hashed itself. */
  #isFinished = false;

  constructor(hasher: Hasher) {
    this.#hasher = hasher;
  }

  get isFull(): boolean {
    return this.#number === this.#targets.length;
  }

  begin(targets: readonly Uint8Array[]): void {
    this.#targets = targets;
    this.#number = 0;
    this.#used = 0;
    this.#hashed = 0;
    this.filledBytes = 0;
    this.#skipFull();
    const waiting = this.#waiting;
    this.#waiting = [];
    for (const piece of waiting) this.#put(piece, 0, piece.length);
  }

  append(source: Uint8Array, start: number, end: number): void {
    this.position += end - start;
    this.#put(source, start, end);
  }

  freePlaces(maxBytes: number): readonly Uint8Array[] {
    const current = this.#targets[this.#number];
    if (current === undefined) return [];
    return clipTargets([current.subarray(this.#used), ...this.#targets.slice(this.#number + 1)], maxBytes);
  }

  advance(bytes: number): void {
    this.position += bytes;
    for (let left = bytes; left > 0; ) {
      const length = Math.min(left, this.#targets[this.#number]!.length - this.#used);
      this.#take(length);
      left -= length;
    }
  }

  finish(): void {
    const current = this.#targets[this.#number];
    if (current === undefined) throw new Error("a full output cannot be finished");
    this.#hashTo(current, this.#used);
    const trailer = this.#hasher.digest();
    this.#isFinished = true;
    this.append(trailer, 0, trailer.length);
  }

  #put(source: Uint8Array, start: number, end: number): void {
    for (let at = start; at < end; ) {
      const current = this.#targets[this.#number];
      if (current === undefined) {
        this.#waiting.push(source.subarray(at, end));
        return;
      }
      const length = Math.min(end - at, current.length - this.#used);
      current.set(source.subarray(at, at + length), this.#used);
      at += length;
      this.#take(length);
    }
  }

  /** Counts bytes that lie in the current target; a full one is hashed and left. */
  #take(length: number): void {
    this.#used += length;
    this.filledBytes += length;
    const current = this.#targets[this.#number]!;
    if (this.#used < current.length) return;
    this.#hashTo(current, this.#used);
    this.#number++;
    this.#used = 0;
    this.#hashed = 0;
    this.#skipFull();
  }

  #hashTo(current: Uint8Array, end: number): void {
    if (end > this.#hashed && !this.#isFinished) this.#hasher.update(current.subarray(this.#hashed, end));
    this.#hashed = end;
  }

  /** Targets without room are full from the start. */
  #skipFull(): void {
    while (this.#targets[this.#number]?.length === 0) this.#number++;
  }
}
