import type { ObjectFormat } from "@millrace/pack";
import { OidTable } from "../objects/oid-table.ts";

/** The object was reached; it is not walked twice. */
export const SEEN = 1;
/** The other side has it, and all that it reaches. */
export const UNINTERESTING = 2;
/** It waits in the commit queue. */
export const QUEUED = 4;
/** It is part of the selection. */
export const SELECTED = 8;

/** The objects that a walk has met: each has a number and one byte of marks. */
export class ObjectMarks {
  readonly table: OidTable;
  #marks = new Uint8Array(1024);

  constructor(format: ObjectFormat) {
    this.table = new OidTable(format);
  }

  /** The number of the id at `offset`. */
  number(oid: Uint8Array, offset = 0): number {
    const number = this.table.add(oid, offset);
    if (number >= this.#marks.length) {
      const grown = new Uint8Array(this.#marks.length * 2);
      grown.set(this.#marks);
      this.#marks = grown;
    }
    return number;
  }

  has(number: number, marks: number): boolean {
    return (this.#marks[number]! & marks) !== 0;
  }

  set(number: number, marks: number): void {
    this.#marks[number] = this.#marks[number]! | marks;
  }

  clear(number: number, marks: number): void {
    this.#marks[number] = this.#marks[number]! & ~marks;
  }
}
