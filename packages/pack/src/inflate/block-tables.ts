import {
  buildHuffmanTable,
  createHuffmanTable,
  DISTANCE_MEANINGS,
  type HuffmanTable,
  LENGTH_CODE_MEANINGS,
  LITERAL_MEANINGS,
} from "./huffman.ts";

/** The two codes of a compressed block. */
export interface BlockTables {
  readonly literals: HuffmanTable;
  readonly distances: HuffmanTable;
}

/** Order in which a dynamic block lists the lengths of its code length code (RFC 1951, 3.2.7). */
export const LENGTH_CODE_ORDER: Uint8Array = Uint8Array.of(
  16,
  17,
  18,
  0,
  8,
  7,
  9,
  6,
  10,
  5,
  11,
  4,
  12,
  3,
  13,
  2,
  14,
  1,
  15,
);

/** The codes of blocks of type 1 (RFC 1951, 3.2.6). */
export const FIXED_TABLES: BlockTables = fixedTables();

/** Makes tables for a block that brings its own codes. */
export function createBlockTables(): BlockTables {
  return { literals: createHuffmanTable(LITERAL_MEANINGS), distances: createHuffmanTable(DISTANCE_MEANINGS) };
}

/** Makes the table of the code that spells code lengths. */
export function createLengthCodeTable(): HuffmanTable {
  return createHuffmanTable(LENGTH_CODE_MEANINGS);
}

function fixedTables(): BlockTables {
  const tables = createBlockTables();
  const lengths = new Uint8Array(288).fill(8);
  lengths.fill(9, 144, 256);
  lengths.fill(7, 256, 280);
  buildHuffmanTable(tables.literals, lengths, 0, 288, false);
  buildHuffmanTable(tables.distances, new Uint8Array(32).fill(5), 0, 32, false);
  return tables;
}
