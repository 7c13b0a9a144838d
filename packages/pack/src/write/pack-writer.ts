import { streamSpan } from "@millrace/telemetry";
import type { PackReader } from "../read/pack-reader.ts";
import { createPace } from "../read/pace.ts";
import type { ObjectFormat, Oid } from "../schema.ts";
import { chunksOf, type ByteStream } from "../stream/byte-stream.ts";
import { roomOf } from "../stream/targets.ts";
import { type CopyContext, copySelection, type PackWriteStats } from "./copy-selection.ts";
import { copyVerbatim, type Places } from "./copy-verbatim.ts";
import { comparePackOrder } from "./pack-order.ts";
import { createPackOutput, type PackOutput } from "./pack-output.ts";
import { type Selection, selectEntries } from "./selection.ts";
import { type LooseSource, writeLoose } from "./write-loose.ts";

/** A stored pack and the index positions of what is taken from it. */
export interface PackPart {
  readonly reader: PackReader;
  /** Absent: all of it. */
  readonly positions?: Uint32Array | undefined;
}

/** What a pack is to hold, and what its receiver understands. */
export interface PackWriteOptions {
  readonly format: ObjectFormat;
  /**
   * Stored packs and the index positions to take from each, all in any order; see `comparePackOrder` for objects that
   * several packs have. No object may be named twice, here or in `loose`.
   */
  readonly packs: readonly PackPart[];
  readonly loose?: readonly LooseSource[] | undefined;
  /** Whether the receiver has an object (raw id, valid until the answer): a stored delta on it is then sent as it is (a thin pack). */
  readonly thinBases?: ((oid: Uint8Array) => boolean | Promise<boolean>) | undefined;
  /** Whether the receiver understands deltas by distance (capability `ofs-delta`). */
  readonly ofsDelta: boolean;
  /**
   * Count the deltas of a pack that is written as it lies, which takes a look at each entry the first time. Without it
   * `stats` may have none for such a pack. Default `true`.
   */
  readonly countDeltas?: boolean | undefined;
  /** Size of the chunks, where the pack is read in chunks. Default 256 KiB. */
  readonly chunkBytes?: number | undefined;
  readonly signal?: AbortSignal | undefined;
  /** Told how many objects are written, now and then. */
  readonly onProgress?: ((objectsWritten: number) => void) | undefined;
}

/** A pack to be streamed once, in chunks or into places that the reader gives. */
export interface PackWrite extends ByteStream {
  /** `objects` is known from the start; the rest is final behind the last byte. */
  readonly stats: Readonly<PackWriteStats>;
}

const DEFAULT_CHUNK_BYTES = 256 * 1024;

/**
 * Makes a pack out of stored ones (gitformat-pack): entries are copied as they are, in pack order, and only what must
 * change is rewritten. The same selection gives the same bytes; everything of one pack gives just that pack.
 * The iteration throws PACK_CORRUPT, PACK_TRUNCATED, PACK_BAD_INDEX, PACK_BAD_OBJECT, what a source's `read` throws,
 * and `signal.reason`.
 */
export function writePack(options: PackWriteOptions): PackWrite {
  const { format, signal } = options;
  const packs = options.packs
    .filter((pack) => countOf(pack) > 0)
    .sort((a, b) => comparePackOrder(a.reader.index, b.reader.index));
  const loose = options.loose ?? [];
  const stats: PackWriteStats = { objects: loose.length, deltas: 0, reused: 0, reusedDeltas: 0, bytes: 0 };
  for (const pack of packs) stats.objects += countOf(pack);

  let writtenObjects = 0;
  function onWritten(objects: number): void {
    writtenObjects += objects;
    options.onProgress?.(writtenObjects);
  }

  const places: Places = { targets: [] };

  /** Fills the places, and comes back with the number of bytes each time. */
  function write(): AsyncIterable<number> {
    const only = packs[0];
    const isAlone = packs.length === 1 && loose.length === 0;
    if (isAlone && only !== undefined && countOf(only) === only.reader.index.count && options.ofsDelta) {
      return copyVerbatim(only.reader, places, stats, {
        countDeltas: options.countDeltas ?? true,
        signal,
        onWritten,
      });
    }
    return assemble();
  }

  async function* assemble(): AsyncGenerator<number> {
    const output = createPackOutput(format);
    output.begin(places.targets);
    for await (const _ of assembleEntries(output)) {
      yield output.filledBytes;
      output.begin(places.targets);
    }
    stats.bytes = output.position;
    while (output.isFull) {
      yield output.filledBytes;
      output.begin(places.targets);
    }
    yield output.filledBytes;
  }

  /** Writes the whole pack; comes back whenever the output is full. */
  async function* assembleEntries(output: PackOutput): AsyncGenerator<void> {
    const looseOids = new Set<Oid>();
    for (const object of loose) looseOids.add(object.oid);
    const earlier: Selection[] = [];
    const pace = createPace();
    const context: CopyContext = {
      output,
      stats,
      ofsDelta: options.ofsDelta,
      pace,
      signal,
      // Only packs written before this one and objects written whole count, so that deltas never form a circle.
      isSentElsewhere(oid) {
        for (let i = 0; i < earlier.length; i++) {
          const selection = earlier[i]!;
          const position = selection.reader.index.find(oid);
          if (
            position >= 0 &&
            selection.find(selection.reader.index.offsetAt(position), selection.count) >= 0
          ) {
            return true;
          }
        }
        return looseOids.size > 0 && looseOids.has(Buffer.from(oid).toString("hex"));
      },
      isAtReceiver: (oid) => options.thinBases?.(oid) ?? false,
      onWritten,
    };
    output.append(encodePackHeader(stats.objects), 0, PACK_HEADER_BYTES);
    while (output.isFull) yield;
    for (const pack of packs) {
      const selection = selectEntries(pack.reader, pack.positions ?? pack.reader.index.packOrder());
      yield* copySelection(selection, context);
      earlier.push(selection);
    }
    for (const object of loose) {
      signal?.throwIfAborted();
      yield* writeLoose(object, context);
      if (pace.isDue()) await pace.rest(signal);
    }
    output.finish();
  }

  const steps = streamSpan("pack.write", { object_format: format }, (span) => {
    return (async function* () {
      yield* write();
      span.set("object_count", stats.objects);
      span.set("delta_count", stats.deltas);
      span.set("reused_count", stats.reused);
      span.set("pack_size", stats.bytes);
    })();
  });
  const iterator = steps[Symbol.asyncIterator]();
  const pack: PackWrite = {
    stats,
    async readInto(targets) {
      places.targets = targets;
      const step = await iterator.next();
      if (step.done === true) return 0;
      // Who sees that this was the end does not ask again.
      if (step.value < roomOf(targets)) await iterator.next();
      return step.value;
    },
    [Symbol.asyncIterator]: () => chunksOf(pack, options.chunkBytes ?? DEFAULT_CHUNK_BYTES),
    async [Symbol.asyncDispose]() {
      await iterator.return?.();
    },
  };
  return pack;
}

function countOf({ reader, positions }: PackPart): number {
  return positions?.length ?? reader.index.count;
}

const PACK_HEADER_BYTES = 12;

/** The 12 bytes that a pack of version 2 starts with (gitformat-pack). */
export function encodePackHeader(objectCount: number): Uint8Array {
  const bytes = new Uint8Array(PACK_HEADER_BYTES);
  const view = new DataView(bytes.buffer);
  view.setUint32(0, 0x5041434b);
  view.setUint32(4, 2);
  view.setUint32(8, objectCount);
  return bytes;
}
