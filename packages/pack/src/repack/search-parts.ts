import { deflateSync } from "node:zlib";
import { createBlockCache } from "../cache/block-cache.ts";
import { createByteCache } from "../cache/byte-cache.ts";
import { openPackIndex } from "../index-file/pack-index.ts";
import { hashLength } from "../object-id.ts";
import type { RandomAccess } from "../random-access.ts";
import { openPackReader, type PackedObject, type PackReader } from "../read/pack-reader.ts";
import type { ObjectFormat } from "../schema.ts";
import { DeltaSearch, type SearchSettings } from "./delta-search.ts";
import { DeltaCollector, type DeltaBatch } from "./found-deltas.ts";
import { LOOSE, type ObjectColumns } from "./repack-objects.ts";
import type { SearchOrder } from "./search-order.ts";

/** A search that several threads share. */
export interface PartsRequest extends SearchSettings, SearchOrder {
  readonly format: ObjectFormat;
  readonly columns: ObjectColumns;
  /** Contents of loose objects that take part, by their number among them. */
  readonly loose: ReadonlyMap<number, Uint8Array>;
  /** See `NEXT_PART`. */
  readonly shared: Int32Array;
  /** Bytes of deflated deltas that may be held, below 2 GiB. */
  readonly heldBytes: number;
}

/** Places in `PartsRequest.shared`: the next part nobody works on; objects looked at; not 0 says stop; bytes held. */
export const NEXT_PART = 0;
export const SEARCHED = 1;
export const STOP_SEARCH = 2;
export const HELD_BYTES = 3;
export const SEARCH_SHARED_LENGTH = 4;

/** A stored pack as a thread reads it. */
export interface SearchedPack {
  readonly source: RandomAccess;
  /** The index file. */
  readonly idx: Uint8Array;
}

const BASES_BYTES = 48 * 1024 * 1024;
const BLOCKS_BYTES = 8 * 1024 * 1024;

/** Readers with caches of their own. */
export function openSearchReaders(packs: readonly SearchedPack[], format: ObjectFormat): PackReader[] {
  const bases = createByteCache<number, PackedObject>({ budgetBytes: BASES_BYTES });
  const blocks = createBlockCache({ budgetBytes: BLOCKS_BYTES });
  return packs.map(({ source, idx }) =>
    openPackReader({ source, index: openPackIndex(idx, format), bases, blocks }),
  );
}

/**
 * Searches one part after another until none is left, or somebody says stop. What is found is told in batches.
 * Throws what readers and `breathe` throw.
 */
export async function searchParts(
  request: PartsRequest,
  readers: readonly PackReader[],
  tell: (batch: DeltaBatch) => void,
  breathe: () => Promise<void> | undefined,
): Promise<void> {
  const { columns, order, ends, shared, loose } = request;
  const { sources, offsets } = columns;
  const collector = new DeltaCollector(tell, (bytes) => {
    if (Atomics.add(shared, HELD_BYTES, bytes) + bytes <= request.heldBytes) return true;
    Atomics.sub(shared, HELD_BYTES, bytes);
    return false;
  });
  const search = new DeltaSearch({
    ...request,
    hashBytes: hashLength(request.format),
    load(object) {
      const source = sources[object]!;
      const offset = offsets[object]!;
      return source === LOOSE ? loose.get(offset)! : readers[source]!.readAt(offset).then(contentOf);
    },
    take: (object, delta) => collector.take(object, deflateSync(delta, { chunkSize: roomFor(delta.length) })),
    breathe() {
      Atomics.add(shared, SEARCHED, 1);
      return breathe();
    },
  });
  for (;;) {
    const part = Atomics.add(shared, NEXT_PART, 1);
    if (part >= ends.length || Atomics.load(shared, STOP_SEARCH) !== 0) break;
    await search.search(order, part === 0 ? 0 : ends[part - 1]!, ends[part]!);
  }
  collector.flush();
}

/** What so many bytes deflate to at most, and what zlib wants at least; it allocates no more then. */
function roomFor(bytes: number): number {
  return bytes + (bytes >>> 8) + 64;
}

function contentOf({ content }: PackedObject): Uint8Array {
  return content;
}
