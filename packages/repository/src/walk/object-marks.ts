import type { ObjectFormat } from "@millrace/pack";
import type { GraphSet } from "../objects/graph-set.ts";
import { ObjectNumbers } from "../objects/object-numbers.ts";
import type { RankedPack } from "../objects/ranked-pack.ts";

/** The object was reached; it is not walked twice. */
export const SEEN = 1;
/** The other side has it, and all that it reaches. */
export const UNINTERESTING = 2;
/** It waits in the commit queue. */
export const QUEUED = 4;
/** It is part of the selection. */
export const SELECTED = 8;
/** It is wanted by name, or by a pack that is wanted whole. */
export const NAMED = 16;
/** The other side has it, as was found out after the selection was made. */
export const HELD = 32;

/** The objects that a walk has met: each has a number and one byte of marks. */
export class ObjectMarks {
  readonly table: ObjectNumbers;
  #bytes: Uint8Array;

  constructor(format: ObjectFormat, graphs?: GraphSet, ranked?: RankedPack) {
    this.table = new ObjectNumbers(format, graphs, ranked);
    this.#bytes = new Uint8Array(this.table.size + 1024);
  }

  /** The marks by number, for loops that must be quick; another array after `number` was called. */
  get bytes(): Uint8Array {
    return this.#bytes;
  }

  /** The number of the id at `offset`. */
  number(oid: Uint8Array, offset = 0): number {
    const number = this.table.add(oid, offset);
    if (number >= this.#bytes.length) this.#grow(this.#bytes.length * 2);
    return number;
  }

  /** Makes room for so many more ids that are not numbered yet. */
  reserve(more: number): void {
    this.table.reserve(more);
    this.#grow(this.table.size + more);
  }

  has(number: number, marks: number): boolean {
    return (this.#bytes[number]! & marks) !== 0;
  }

  set(number: number, marks: number): void {
    this.#bytes[number] = this.#bytes[number]! | marks;
  }

  clear(number: number, marks: number): void {
    this.#bytes[number] = this.#bytes[number]! & ~marks;
  }

  #grow(size: number): void {
    if (size <= this.#bytes.length) return;
    const grown = new Uint8Array(size);
    grown.set(this.#bytes);
    this.#bytes = grown;
  }
}
