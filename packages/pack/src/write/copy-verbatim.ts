import { PackError } from "../errors.ts";
import type { PackIndex } from "../index-file/pack-index.ts";
import type { OperationOptions } from "../random-access.ts";
import type { PackReader } from "../read/pack-reader.ts";
import { KIND_OFS_DELTA } from "../scan/pack-entry.ts";
import { clipTargets, readInto, roomOf } from "../stream/targets.ts";
import type { PackWriteStats } from "./copy-selection.ts";

/** Where the reader wants the next bytes. */
export interface Places {
  targets: readonly Uint8Array[];
}

/** How a pack is copied. */
export interface VerbatimOptions {
  /** Look at each entry to count the deltas, unless that was done before. */
  readonly countDeltas: boolean;
  readonly signal: AbortSignal | undefined;
  readonly onWritten: (objects: number) => void;
}

/** How many entries of a pack are deltas; -1 until they are counted. A pack that is in here has its index's trailer. */
const deltaCounts = new WeakMap<PackIndex, number>();

/**
 * Reads a whole stored pack as it is into the places that the reader gives, and comes back with the number of bytes each
 * time; nothing is hashed, the receiver checks its trailer. Throws PACK_TRUNCATED, PACK_BAD_INDEX.
 */
export async function* copyVerbatim(
  reader: PackReader,
  places: Places,
  stats: PackWriteStats,
  { countDeltas, signal, onWritten }: VerbatimOptions,
): AsyncGenerator<number> {
  const { index, source } = reader;
  const known = deltaCounts.get(index);
  if (known === undefined) {
    await checkTrailer(reader, { signal });
    deltaCounts.set(index, -1);
  }
  const isCounted = known !== undefined && known >= 0;
  const counter = countDeltas && !isCounted ? createDeltaCounter(index) : undefined;
  let reported = 0;
  for (let at = 0; at < source.sizeBytes; ) {
    signal?.throwIfAborted();
    const targets = clipTargets(places.targets, source.sizeBytes - at);
    const read = await readInto(source, targets, at, { signal });
    if (read < roomOf(targets)) {
      throw new PackError("PACK_TRUNCATED", "the stored pack is shorter than it was", { offset: at + read });
    }
    counter?.look(targets, at);
    at += read;
    stats.bytes = at;
    if (at === source.sizeBytes) {
      if (counter !== undefined) deltaCounts.set(index, counter.deltas);
      stats.deltas = counter?.deltas ?? (isCounted ? known : 0);
      stats.reused = index.count;
      stats.reusedDeltas = stats.deltas;
    }
    const written = Math.floor((index.count * at) / source.sizeBytes);
    onWritten(written - reported);
    reported = written;
    yield read;
  }
}

async function checkTrailer({ index, source }: PackReader, options: OperationOptions): Promise<void> {
  const { packChecksum } = index;
  const trailer = await source.read(source.sizeBytes - packChecksum.length, packChecksum.length, options);
  if (Buffer.compare(trailer, packChecksum) !== 0) {
    throw new PackError("PACK_BAD_INDEX", "the index belongs to another pack");
  }
}

/** Counts the deltas of a pack by looking at the first byte of each entry as it passes. */
function createDeltaCounter(index: PackIndex): {
  readonly deltas: number;
  /** The pack's bytes from `start` on lie in `targets`. */
  look(targets: readonly Uint8Array[], start: number): void;
} {
  const order = index.packOrder();
  let rank = 0;
  let deltas = 0;
  return {
    get deltas() {
      return deltas;
    },
    look(targets, start) {
      let targetStart = start;
      for (const target of targets) {
        for (; rank < index.count; rank++) {
          const at = index.offsetAt(order[rank]!) - targetStart;
          if (at >= target.length) break;
          if (((target[at]! >> 4) & 7) >= KIND_OFS_DELTA) deltas++;
        }
        targetStart += target.length;
      }
    },
  };
}
