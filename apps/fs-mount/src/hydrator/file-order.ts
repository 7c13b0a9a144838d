import { hashLength, type ObjectFormat, type Oid, oidFromBytes, writeOid } from "@millrace/pack";

import { sortIds } from "./sorted-ids.ts";

/** No position. */
const NONE = 0;

/**
 * The files of a tree in the order in which whoever walks over it comes to them, as numbers from 0 on. 20 bytes and two numbers a
 * file (32 with sha256).
 */
export class FileOrder {
  readonly format: ObjectFormat;
  readonly length: number;
  readonly #ids: Uint8Array;
  readonly #idBytes: number;
  /** An open-addressing table by the ids' first bytes: positions from 1 on. */
  readonly #table: Uint32Array;

  /** @param oids of blobs; where one is there twice, its first place counts */
  constructor(format: ObjectFormat, oids: readonly Oid[]) {
    this.format = format;
    this.length = oids.length;
    this.#idBytes = hashLength(format);
    this.#ids = new Uint8Array(oids.length * this.#idBytes);
    let slots = 2;
    while (slots < 2 * oids.length) slots *= 2;
    this.#table = new Uint32Array(slots);
    for (let i = 0; i < oids.length; i++) {
      writeOid(oids[i]!, this.#ids, i * this.#idBytes);
      const slot = this.#slotOf(oids[i]!);
      if (this.#table[slot] === NONE) this.#table[slot] = i + 1;
    }
  }

  /** The id at a position below `length`. */
  at(position: number): Oid {
    return oidFromBytes(this.#ids, position * this.#idBytes, this.format);
  }

  /** The position of a blob; -1 where it is none of these files. */
  find(oid: Oid): number {
    return this.#table[this.#slotOf(oid)]! - 1;
  }

  /** Their ids, as `sortIds` answers them. */
  sorted(): Uint8Array {
    return sortIds(
      this.format,
      Array.from({ length: this.length }, (_, position) => this.at(position)),
    );
  }

  /** Where the table has the id, or would have it. */
  #slotOf(oid: Oid): number {
    const mask = this.#table.length - 1;
    let slot = Number.parseInt(oid.slice(0, 8), 16) & mask;
    for (let held = this.#table[slot]!; held !== NONE; held = this.#table[slot]!) {
      if (this.at(held - 1) === oid) break;
      slot = (slot + 1) & mask;
    }
    return slot;
  }
}
