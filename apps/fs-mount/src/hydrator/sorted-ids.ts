import { hashLength, type ObjectFormat, type Oid, writeOid } from "@millrace/pack";

const LEADS = 65_536;

/** Ids in their order, each once, one behind the other: 20 bytes each (32 with sha256). */
export class SortedIds {
  readonly length: number;
  readonly #ids: Buffer;
  readonly #idBytes: number;

  /** @param ids as `sortIds` answers them */
  constructor(format: ObjectFormat, ids: Uint8Array) {
    this.#ids = Buffer.from(ids.buffer, ids.byteOffset, ids.length);
    this.#idBytes = hashLength(format);
    this.length = ids.length / this.#idBytes;
  }

  /** The id at a place below `length`. */
  at(place: number): Oid {
    return this.#ids.toString("hex", place * this.#idBytes, (place + 1) * this.#idBytes);
  }

  /** The place of the first id that is not before this one; `length` where all are. @param start of an id, in hexadecimal digits */
  from(start: string): number {
    let [low, high] = [0, this.length];
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (this.at(middle) < start) low = middle + 1;
      else high = middle;
    }
    return low;
  }

  /** The place of an id; -1 where it is none of these. */
  find(oid: Oid): number {
    const place = this.from(oid);
    return place < this.length && this.at(place) === oid ? place : -1;
  }
}

/**
 * Sorts ids and leaves each there once. They are shared out by their first two bytes, so that there is little left to compare.
 * @returns them one behind the other
 */
export function sortIds(format: ObjectFormat, oids: readonly Oid[]): Uint8Array {
  const ends = new Uint32Array(LEADS + 1);
  const leadOf = (oid: Oid): number => Number.parseInt(oid.slice(0, 4), 16);
  for (const oid of oids) ends[leadOf(oid) + 1]!++;
  for (let lead = 1; lead <= LEADS; lead++) ends[lead]! += ends[lead - 1]!;
  const shared = Array.from<Oid>({ length: oids.length });
  const next = ends.slice();
  for (const oid of oids) shared[next[leadOf(oid)]!++] = oid;
  const idBytes = hashLength(format);
  const ids = new Uint8Array(oids.length * idBytes);
  let end = 0;
  for (let lead = 0; lead < LEADS; lead++) {
    if (ends[lead] === ends[lead + 1]) continue;
    for (const oid of new Set(shared.slice(ends[lead], ends[lead + 1]).sort())) {
      writeOid(oid, ids, end);
      end += idBytes;
    }
  }
  return ids.slice(0, end);
}
