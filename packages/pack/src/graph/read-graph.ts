import { type BlockReader, createBlockCache } from "../cache/block-cache.ts";
import { createByteCache } from "../cache/byte-cache.ts";
import { readDeltaSizes } from "../delta/apply.ts";
import type { PackIndex } from "../index-file/pack-index.ts";
import { hashLength } from "../object-id.ts";
import type { OperationOptions, RandomAccess } from "../random-access.ts";
import { corrupt, createEntrySource, type EntrySource, type StoredEntry } from "../read/entry-source.ts";
import { createPace } from "../read/pace.ts";
import { openPackReader, type PackedObject, type PackReader } from "../read/pack-reader.ts";
import { readDeltaResultBytes } from "../read/stream-entry.ts";
import { KIND_BLOB, KIND_COMMIT, KIND_OFS_DELTA, KIND_TREE } from "../scan/pack-entry.ts";
import { buildPackGraph } from "./build-graph.ts";
import type { LinkFragment } from "./link-fragment.ts";
import { createLinkWriter } from "./link-writer.ts";
import type { PackGraph } from "./pack-graph.ts";

const CACHE_BYTES = 16 * 1024 * 1024;
const MAX_OBJECT_BYTES = 512 * 1024 * 1024;
const SMALL_DELTA_BYTES = 4096;
const FRAGMENT_BYTES = 1024 * 1024;
const PACE_MASK = 63;

/** The entries of a stored pack in pack order, a column each. */
interface EntryColumns {
  readonly index: PackIndex;
  readonly count: number;
  /** Index positions. */
  readonly order: Uint32Array;
  readonly types: Uint8Array;
  readonly sizes: Float64Array;
  /** Which entry is a delta's base; -1 where there is none. */
  readonly bases: Int32Array;
}

/**
 * Builds the graph of a stored pack by reading its commits, trees and tags once, in pack order, with caches of its
 * own. The work gives way every few milliseconds. Throws PACK_BAD_GRAPH, what reading throws, and `signal.reason`.
 */
export async function readPackGraph(
  pack: { readonly source: RandomAccess; readonly index: PackIndex },
  options: OperationOptions = {},
): Promise<PackGraph> {
  const { source, index } = pack;
  const { signal } = options;
  const blockCache = createBlockCache({ budgetBytes: CACHE_BYTES });
  const blocks = blockCache.attach(source);
  const bases = createByteCache<number, PackedObject>({ budgetBytes: CACHE_BYTES });
  const entries = createEntrySource(source, blocks, index, MAX_OBJECT_BYTES);
  const reader = openPackReader({ source, index, bases, blocks: blockCache });
  try {
    const columns = await readColumns(entries, blocks, index, signal);
    const { order, types, sizes } = columns;
    const idBytes = hashLength(index.format);
    const oids = new Uint8Array(index.count * idBytes);
    for (let entry = 0; entry < index.count; entry++) index.copyOid(order[entry]!, oids, entry * idBytes);
    return await buildPackGraph({
      format: index.format,
      packChecksum: index.packChecksum,
      types,
      sizes,
      oids,
      fragments: readFragments(reader, columns, signal),
      signal,
    });
  } finally {
    reader.release();
    blocks.release();
  }
}

async function readColumns(
  entries: EntrySource,
  blocks: BlockReader,
  index: PackIndex,
  signal: AbortSignal | undefined,
): Promise<EntryColumns> {
  const { count } = index;
  const order = index.packOrder();
  const types = new Uint8Array(count);
  const sizes = new Float64Array(count).fill(-1);
  const bases = new Int32Array(count).fill(-1);
  const ranks = new Int32Array(count);
  for (let entry = 0; entry < count; entry++) ranks[order[entry]!] = entry;
  const pace = createPace();
  for (let entry = 0; entry < count; entry++) {
    if ((entry & PACE_MASK) === 0 && pace.isDue()) await pace.rest(signal);
    const found = entries.header(index.offsetAt(order[entry]!), signal);
    const header = found instanceof Promise ? await found : found;
    if (header.kind < KIND_OFS_DELTA) {
      types[entry] = header.kind;
      sizes[entry] = header.sizeBytes;
      continue;
    }
    const base =
      header.baseOid === undefined ? index.positionAtOffset(header.baseOffset) : index.find(header.baseOid);
    if (base < 0) throw corrupt(header.offset, "its base is not in the pack");
    bases[entry] = ranks[base]!;
    const bytes = resultBytesOf(entries, blocks, header, signal);
    sizes[entry] = bytes instanceof Promise ? await bytes : bytes;
  }
  resolveTypes(types, bases, (entry) => index.offsetAt(order[entry]!));
  return { index, count, order, types, sizes, bases };
}

function resultBytesOf(
  entries: EntrySource,
  blocks: BlockReader,
  header: StoredEntry,
  signal: AbortSignal | undefined,
): number | Promise<number> {
  // Small deltas are quicker inflated whole than asked for their first bytes.
  if (header.sizeBytes > SMALL_DELTA_BYTES) return readDeltaResultBytes(blocks, header, signal);
  const inflated = entries.inflate(header, signal);
  if (inflated instanceof Promise) return inflated.then((delta) => readDeltaSizes(delta).resultBytes);
  return readDeltaSizes(inflated).resultBytes;
}

/** A delta is of its base's type. */
function resolveTypes(types: Uint8Array, bases: Int32Array, offsetAt: (entry: number) => number): void {
  const chain: number[] = [];
  for (let entry = 0; entry < types.length; entry++) {
    let at = entry;
    while (types[at] === 0) {
      if (chain.length > types.length) throw corrupt(offsetAt(entry), "its delta chain is a circle");
      chain.push(at);
      at = bases[at]!;
    }
    for (let i = 0; i < chain.length; i++) types[chain[i]!] = types[at]!;
    chain.length = 0;
  }
}

async function* readFragments(
  reader: PackReader,
  columns: EntryColumns,
  signal: AbortSignal | undefined,
): AsyncGenerator<LinkFragment> {
  const { index, count, order, types, bases } = columns;
  const writer = createLinkWriter(index.format);
  const pace = createPace();
  for (let entry = 0; entry < count; entry++) {
    if (types[entry] === KIND_BLOB) continue;
    const { type, content } = await reader.read(order[entry]!, { signal });
    const base = bases[entry]!;
    if (types[entry] === KIND_TREE && base >= 0) {
      const { content: baseContent } = await reader.read(order[base]!, { signal });
      writer.writeTree(entry, content, { entry: base, content: baseContent });
    } else writer.write(entry, type, content);
    if (writer.sizeBytes >= FRAGMENT_BYTES) yield writer.take();
    if (types[entry] !== KIND_COMMIT && pace.isDue()) await pace.rest(signal);
  }
  yield writer.take();
}
