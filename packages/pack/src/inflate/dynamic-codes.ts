import { PackError } from "../errors.ts";
import type { BitSource } from "./bit-source.ts";
import {
  type BlockTables,
  createBlockTables,
  createLengthCodeTable,
  LENGTH_CODE_ORDER,
} from "./block-tables.ts";
import { buildHuffmanTable, type HuffmanTable } from "./huffman.ts";

const COUNTS = 0;
const LENGTH_CODES = 1;
const LENGTHS = 2;

/** Reads the codes that a block of type 2 brings along (RFC 1951, 3.2.7); suspends at any byte. */
export class DynamicCodes {
  readonly tables: BlockTables = createBlockTables();
  readonly #lengthCode: HuffmanTable = createLengthCodeTable();
  readonly #lengths: Uint8Array = new Uint8Array(320);
  #state = COUNTS;
  #literalCount = 0;
  #distanceCount = 0;
  #lengthCodeCount = 0;
  #have = 0;

  start(): void {
    this.#state = COUNTS;
  }

  /** Reads on; true when `tables` are complete, false where input is missing. Throws PACK_CORRUPT. */
  read(source: BitSource): boolean {
    if (this.#state === COUNTS && !this.#readCounts(source)) return false;
    if (this.#state === LENGTH_CODES && !this.#readLengthCodes(source)) return false;
    if (!this.#readLengths(source)) return false;
    const lengths = this.#lengths;
    if (lengths[256] === 0) throw corrupt("deflate block has no end code");
    buildHuffmanTable(this.tables.literals, lengths, 0, this.#literalCount, true);
    buildHuffmanTable(this.tables.distances, lengths, this.#literalCount, this.#distanceCount, true);
    return true;
  }

  #readCounts(source: BitSource): boolean {
    if (!source.need(14)) return false;
    this.#literalCount = source.take(5) + 257;
    this.#distanceCount = source.take(5) + 1;
    this.#lengthCodeCount = source.take(4) + 4;
    if (this.#literalCount > 286 || this.#distanceCount > 30)
      throw corrupt("deflate block has too many codes");
    this.#have = 0;
    this.#state = LENGTH_CODES;
    return true;
  }

  #readLengthCodes(source: BitSource): boolean {
    const lengths = this.#lengths;
    while (this.#have < this.#lengthCodeCount) {
      if (!source.need(3)) return false;
      lengths[LENGTH_CODE_ORDER[this.#have++]!] = source.take(3);
    }
    while (this.#have < 19) lengths[LENGTH_CODE_ORDER[this.#have++]!] = 0;
    buildHuffmanTable(this.#lengthCode, lengths, 0, 19, false);
    this.#have = 0;
    this.#state = LENGTHS;
    return true;
  }

  #readLengths(source: BitSource): boolean {
    const lengths = this.#lengths;
    const total = this.#literalCount + this.#distanceCount;
    const { root, mask } = this.#lengthCode;
    const { input, end } = source;
    let { pos, hold, bits } = source;
    let have = this.#have;
    while (have < total) {
      // A code takes at most 7 bits and its repeat count 7 more; fewer may do at the end of the input.
      while (bits < 14 && pos < end) {
        hold |= input[pos++]! << bits;
        bits += 8;
      }
      const entry = root[hold & mask]!;
      const codeBits = entry & 15;
      const value = entry >> 10;
      if (value < 16) {
        if (codeBits > bits) break;
        hold >>>= codeBits;
        bits -= codeBits;
        lengths[have++] = value;
        continue;
      }
      const extra = value === 16 ? 2 : value === 17 ? 3 : 7;
      if (codeBits + extra > bits) break;
      const count = ((hold >>> codeBits) & ((1 << extra) - 1)) + (value === 18 ? 11 : 3);
      hold >>>= codeBits + extra;
      bits -= codeBits + extra;
      if (value === 16 && have === 0) throw corrupt("deflate block repeats a length before the first");
      if (have + count > total) throw corrupt("deflate block has more lengths than codes");
      const repeated = value === 16 ? lengths[have - 1]! : 0;
      for (let i = 0; i < count; i++) lengths[have++] = repeated;
    }
    source.pos = pos;
    source.hold = hold;
    source.bits = bits;
    this.#have = have;
    return have === total;
  }
}

function corrupt(message: string): PackError {
  return new PackError("PACK_CORRUPT", message);
}
