import type { Oid } from "@millrace/pack";
import { sharedLength } from "./write-block.ts";
import { MAX_VARINT_BYTES, writeVarint } from "./varint.ts";

/** The blocks in which refs name each object. */
export interface ObjectPlaces {
  add(oid: Oid, position: number): void;
  /** In the order of their ids. */
  sorted(): [oid: Oid, positions: readonly number[]][];
}

export function createObjectPlaces(): ObjectPlaces {
  const places = new Map<Oid, number[]>();
  return {
    add(oid, position) {
      const known = places.get(oid);
      if (known === undefined) places.set(oid, [position]);
      else if (known.at(-1) !== position) known.push(position);
    },
    sorted: () => [...places].sort(([a], [b]) => (a < b ? -1 : 1)),
  };
}

/** Adds a record; `false` where it does not fit into a block. */
type AddRecord = (key: string, kind: number, value: Uint8Array) => boolean;

/** Writes the records of an object section (reftable, "obj record") and tells how many bytes of each id it has. */
export function writeObjects(places: ObjectPlaces, add: AddRecord): number {
  const sorted = places.sorted().map(([oid, positions]) => {
    return { key: Buffer.from(oid, "hex").toString("latin1"), positions };
  });
  // Ids are told by their first bytes, as few as tell them apart, and no fewer than two.
  let idBytes = 2;
  for (let i = 1; i < sorted.length; i++) {
    idBytes = Math.max(idBytes, sharedLength(sorted[i - 1]!.key, sorted[i]!.key) + 1);
  }
  for (const { key, positions } of sorted) {
    const short = key.slice(0, idBytes);
    const kind = positions.length < 8 ? positions.length : 0;
    // Without any position: look through all refs.
    if (!add(short, kind, encodePositions(positions))) add(short, 0, new Uint8Array(1));
  }
  return idBytes;
}

function encodePositions(positions: readonly number[]): Uint8Array {
  const bytes = new Uint8Array(MAX_VARINT_BYTES * (positions.length + 1));
  let at = positions.length < 8 ? 0 : writeVarint(positions.length, bytes, 0);
  let last = 0;
  for (const position of positions) {
    at = writeVarint(position - last, bytes, at);
    last = position;
  }
  return bytes.subarray(0, at);
}
