/** No place. */
const NONE = 0;
const MAX_PROBES = 64;
const SEED = Math.floor(Math.random() * 0x1_0000_0000);

/** Finds names that lie in some bytes, by a table of numbers: no string is made for any of them. */
export class NameTable {
  readonly #bytes: Buffer;
  readonly #starts: Uint32Array;
  readonly #ends: Uint32Array;
  /** Open addressing: numbers of names from 1 on. */
  readonly #table: Uint32Array;
  #map: Map<string, number> | undefined;
  readonly #maxProbes: number;

  /**
   * @param starts where names begin, by their numbers
   * @param ends where they end
   * @param maxProbes after so many others in its way a name is looked for in a map: whoever has chosen the names may know the table
   */
  constructor(bytes: Buffer, starts: Uint32Array, ends: Uint32Array, maxProbes: number = MAX_PROBES) {
    this.#maxProbes = maxProbes;
    this.#bytes = bytes;
    this.#starts = starts;
    this.#ends = ends;
    let slots = 2;
    while (slots < 2 * starts.length) slots *= 2;
    this.#table = new Uint32Array(slots);
  }

  /** Adds a name; the numbers below were added before. @returns whether it is a new one */
  add(number: number): boolean {
    if (this.#map !== undefined) return this.#addToMap(this.#map, number);
    const [bytes, table] = [this.#bytes, this.#table];
    const [start, end] = [this.#starts[number]!, this.#ends[number]!];
    const mask = table.length - 1;
    let hash = SEED;
    for (let at = start; at < end; at++) hash = mix(hash, bytes[at]!);
    let slot = hash & mask;
    for (let probes = 0; table[slot] !== NONE; probes++) {
      if (this.#isSame(table[slot]! - 1, start, end)) return false;
      if (probes === this.#maxProbes) {
        this.#map = new Map();
        for (let i = 0; i < number; i++) this.#addToMap(this.#map, i);
        return this.#addToMap(this.#map, number);
      }
      slot = (slot + 1) & mask;
    }
    table[slot] = number + 1;
    return true;
  }

  /** The number of a name (bytes, one to a character); -1 where it is none of these. */
  find(name: string): number {
    if (this.#map !== undefined) return this.#map.get(name) ?? -1;
    const table = this.#table;
    const mask = table.length - 1;
    let hash = SEED;
    for (let i = 0; i < name.length; i++) hash = mix(hash, name.charCodeAt(i));
    for (let slot = hash & mask; table[slot] !== NONE; slot = (slot + 1) & mask) {
      const number = table[slot]! - 1;
      if (this.#isName(number, name)) return number;
    }
    return -1;
  }

  /** A name, bytes one to a character. */
  at(number: number): string {
    return this.#bytes.toString("latin1", this.#starts[number], this.#ends[number]);
  }

  #addToMap(map: Map<string, number>, number: number): boolean {
    const name = this.at(number);
    if (map.has(name)) return false;
    map.set(name, number);
    return true;
  }

  #isSame(number: number, start: number, end: number): boolean {
    const other = this.#starts[number]!;
    if (this.#ends[number]! - other !== end - start) return false;
    for (let i = 0; i < end - start; i++) {
      if (this.#bytes[other + i] !== this.#bytes[start + i]) return false;
    }
    return true;
  }

  #isName(number: number, name: string): boolean {
    const start = this.#starts[number]!;
    if (this.#ends[number]! - start !== name.length) return false;
    for (let i = 0; i < name.length; i++) if (this.#bytes[start + i] !== name.charCodeAt(i)) return false;
    return true;
  }
}

function mix(hash: number, byte: number): number {
  const mixed = Math.imul(hash ^ byte, 0x9e3779b1);
  return mixed ^ (mixed >>> 15);
}
