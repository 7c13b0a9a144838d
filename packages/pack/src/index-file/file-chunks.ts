/** A part of a file. */
export interface Chunk {
  readonly at: number;
  readonly bytes: number;
}

/** The parts of a file that is made of chunks, by their names of four letters. */
export interface Chunks {
  find(name: string): Chunk | undefined;
  /** One that must be there and have so many bytes. */
  require(name: string, bytes: number): Chunk;
}

/** Where the table of chunks stands, how many it tells of, and where the last of them ends at the latest. */
export interface ChunkTable {
  readonly at: number;
  readonly count: number;
  readonly end: number;
}

const ROW_BYTES = 12;
/** A chunk starts below 2^52. */
const HIGH_LIMIT = 0x100000;

/**
 * Reads the table of a file's chunks (gitformat-chunk). Chunks that nobody asks for may be of any size.
 * Throws what `fault` makes where they lie outside of the file, are out of order or come twice.
 */
export function readChunks(view: DataView, table: ChunkTable, fault: (why: string) => Error): Chunks {
  const first = table.at + (table.count + 1) * ROW_BYTES;
  if (first > table.end) throw fault("it ends inside the table of its chunks");
  const chunks = new Map<number, Chunk>();
  let at = offsetIn(table.at);
  if (at < first) throw fault("a chunk lies outside of it");
  for (let row = 0; row < table.count; row++) {
    const rowAt = table.at + row * ROW_BYTES;
    const id = view.getUint32(rowAt);
    const next = offsetIn(rowAt + ROW_BYTES);
    if (next < at || next > table.end) throw fault("a chunk lies outside of it");
    if (id === 0 || chunks.has(id)) throw fault("the table of its chunks makes no sense");
    chunks.set(id, { at, bytes: next - at });
    at = next;
  }
  if (view.getUint32(first - ROW_BYTES) !== 0) throw fault("the table of its chunks does not end");

  function offsetIn(rowAt: number): number {
    const high = view.getUint32(rowAt + 4);
    if (high >= HIGH_LIMIT) throw fault("a chunk lies outside of it");
    return high * 0x100000000 + view.getUint32(rowAt + 8);
  }

  const find = (name: string): Chunk | undefined => chunks.get(idOf(name));
  return {
    find,
    require(name, bytes) {
      const chunk = find(name);
      if (chunk?.bytes !== bytes) throw fault(`its chunk ${name} is missing or of another size`);
      return chunk;
    },
  };
}

function idOf(name: string): number {
  let id = 0;
  for (let i = 0; i < 4; i++) id = id * 256 + name.charCodeAt(i);
  return id;
}
