import { finishAtOnce, type Steps } from "../read/pace.ts";

const STEP_MASK = 16383;
const FIRST_OTHERS = 256;

/**
 * Finds raw ids by open addressing on their first four bytes (they are hashes already). The ids of a pack come first
 * and are not copied; others get the numbers behind them.
 */
export class IdTable {
  /** 32-bit words of one id. */
  readonly #width: number;
  readonly #packIds: Uint32Array;
  readonly #packCount: number;
  #others: Uint32Array;
  #otherCount = 0;
  /** Slot → number + 1; 0 is free. Its length is a power of two, at least twice the number of ids. */
  #slots: Int32Array;

  /**
   * @param ids Raw ids, `count * idBytes` bytes, not to be changed.
   */
  constructor(ids: Uint8Array, count: number, idBytes: number) {
    this.#width = idBytes / 4;
    this.#packIds = wordsOf(ids);
    this.#packCount = count;
    this.#others = new Uint32Array(FIRST_OTHERS * this.#width);
    this.#slots = new Int32Array(slotCount(count));
  }

  /** Enters the ids of the pack; call it once, first. */
  *fill(): Steps<void> {
    const { length } = this.#slots;
    for (let number = 0; number < this.#packCount; number++) {
      const slot = this.#locate(this.#packIds, number * this.#width);
      // Of an id that a pack holds twice, the first counts.
      if (this.#slots[slot] === 0) this.#slots[slot] = number + 1;
      if ((number & STEP_MASK) === STEP_MASK && length > STEP_MASK) yield;
    }
  }

  get otherCount(): number {
    return this.#otherCount;
  }

  /** Ids that are not the pack's, in the order of their numbers; a view. */
  get others(): Uint8Array {
    return new Uint8Array(this.#others.buffer, 0, this.#otherCount * this.#width * 4);
  }

  /** The number of the id whose words start at `at`, given now where it is new. */
  number(ids: Uint32Array, at: number): number {
    const slot = this.#locate(ids, at);
    const found = this.#slots[slot]!;
    if (found !== 0) return found - 1;
    const width = this.#width;
    if ((this.#otherCount + 1) * width > this.#others.length) this.#growOthers();
    for (let i = 0; i < width; i++) this.#others[this.#otherCount * width + i] = ids[at + i]!;
    const number = this.#packCount + this.#otherCount++;
    this.#slots[slot] = number + 1;
    if (2 * (number + 1) > this.#slots.length) this.#growSlots();
    return number;
  }

  #locate(ids: Uint32Array, at: number): number {
    const slots = this.#slots;
    const width = this.#width;
    const mask = slots.length - 1;
    for (let slot = ids[at]! & mask; ; slot = (slot + 1) & mask) {
      const number = slots[slot]! - 1;
      if (number < 0) return slot;
      const isOfPack = number < this.#packCount;
      const known = isOfPack ? this.#packIds : this.#others;
      const from = (isOfPack ? number : number - this.#packCount) * width;
      let i = 0;
      while (i < width && known[from + i] === ids[at + i]) i++;
      if (i === width) return slot;
    }
  }

  #growOthers(): void {
    const grown = new Uint32Array(2 * this.#others.length);
    grown.set(this.#others);
    this.#others = grown;
  }

  #growSlots(): void {
    this.#slots = new Int32Array(2 * this.#slots.length);
    finishAtOnce(this.fill());
    for (let other = 0; other < this.#otherCount; other++) {
      this.#slots[this.#locate(this.#others, other * this.#width)] = this.#packCount + other + 1;
    }
  }
}

/** Bytes as 32-bit words; copied where they do not lie on a word's boundary. */
export function wordsOf(bytes: Uint8Array): Uint32Array {
  const aligned = bytes.byteOffset % 4 === 0 ? bytes : new Uint8Array(bytes);
  return new Uint32Array(aligned.buffer, aligned.byteOffset, aligned.length >>> 2);
}

function slotCount(ids: number): number {
  let slots = 1024;
  while (slots < 2 * ids + 2 * FIRST_OTHERS) slots *= 2;
  return slots;
}
