import { type ObjectFormat, type Oid, hashLength, oidFromBytes } from "@millrace/pack";

const INITIAL_CAPACITY = 1024;

/**
 * A set of object ids that numbers them 0, 1, 2… in the order of their arrival.
 * Ids lie side by side in one array and are found by open addressing on their first four bytes (they are hashes
 * already): about 30 bytes an id, no string and no object for each.
 */
export class OidTable {
  readonly format: ObjectFormat;
  #size = 0;
  readonly #width: number;
  #ids: Uint8Array;
  /** Slot → number + 1; 0 is free. Its length is a power of two, at least twice `#size`. */
  #slots: Int32Array;

  constructor(format: ObjectFormat) {
    this.format = format;
    this.#width = hashLength(format);
    this.#ids = new Uint8Array(INITIAL_CAPACITY * this.#width);
    this.#slots = new Int32Array(INITIAL_CAPACITY * 2);
  }

  get size(): number {
    return this.#size;
  }

  /** The number of the id at `offset`, given now if it is new: then it equals the `size` before the call. */
  add(bytes: Uint8Array, offset = 0): number {
    const slot = this.#locate(bytes, offset);
    const found = this.#slots[slot]!;
    if (found !== 0) return found - 1;
    const number = this.#size;
    if ((number + 1) * this.#width > this.#ids.length) this.#resizeIds((2 * this.#ids.length) / this.#width);
    const width = this.#width;
    const at = number * width;
    for (let i = 0; i < width; i++) this.#ids[at + i] = bytes[offset + i]!;
    this.#size = number + 1;
    this.#slots[slot] = number + 1;
    if (this.#size * 2 > this.#slots.length) this.#resizeSlots(2 * this.#slots.length);
    return number;
  }

  /** Makes room for so many more ids at once. */
  reserve(more: number): void {
    const needed = this.#size + more;
    let capacity = this.#ids.length / this.#width;
    while (capacity < needed) capacity *= 2;
    this.#resizeIds(capacity);
    let slots = this.#slots.length;
    while (slots < needed * 2) slots *= 2;
    this.#resizeSlots(slots);
  }

  /** The number of the id at `offset`, or -1. */
  find(bytes: Uint8Array, offset = 0): number {
    return this.#slots[this.#locate(bytes, offset)]! - 1;
  }

  /** A view of one id; it is valid until the next `add`. */
  bytesAt(number: number): Uint8Array {
    return this.#ids.subarray(number * this.#width, (number + 1) * this.#width);
  }

  oidAt(number: number): Oid {
    return oidFromBytes(this.#ids, number * this.#width, this.format);
  }

  #locate(bytes: Uint8Array, offset: number): number {
    const slots = this.#slots;
    const ids = this.#ids;
    const width = this.#width;
    const mask = slots.length - 1;
    let slot =
      (bytes[offset]! | (bytes[offset + 1]! << 8) | (bytes[offset + 2]! << 16) | (bytes[offset + 3]! << 24)) &
      mask;
    for (;;) {
      const number = slots[slot]! - 1;
      if (number < 0) return slot;
      const at = number * width;
      let i = 0;
      while (i < width && ids[at + i] === bytes[offset + i]) i++;
      if (i === width) return slot;
      slot = (slot + 1) & mask;
    }
  }

  #resizeIds(capacity: number): void {
    if (capacity * this.#width <= this.#ids.length) return;
    const grown = new Uint8Array(capacity * this.#width);
    grown.set(this.#ids);
    this.#ids = grown;
  }

  #resizeSlots(count: number): void {
    if (count <= this.#slots.length) return;
    this.#slots = new Int32Array(count);
    for (let number = 0; number < this.#size; number++) {
      this.#slots[this.#locate(this.#ids, number * this.#width)] = number + 1;
    }
  }
}
