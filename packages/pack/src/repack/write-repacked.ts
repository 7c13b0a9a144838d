import { encodeDelta } from "../delta/encode.ts";
import { deflateObject } from "../inflate/deflate.ts";
import { createPace } from "../read/pace.ts";
import type { PackReader } from "../read/pack-reader.ts";
import { encodeEntryHeader, KIND_OFS_DELTA } from "../scan/pack-entry.ts";
import type { ObjectFormat } from "../schema.ts";
import type { CopyContext } from "../write/copy-selection.ts";
import { createPackOutput } from "../write/pack-output.ts";
import { encodePackHeader } from "../write/pack-writer.ts";
import { collectLoose, type LooseSource, writeLoose } from "../write/write-loose.ts";
import type { FoundDeltas } from "./found-deltas.ts";
import { LOOSE, type ObjectColumns, REUSED, STORED_DELTA } from "./repack-objects.ts";

/** A pack that is decided on, object by object. */
export interface RepackedPack {
  readonly format: ObjectFormat;
  readonly packs: readonly PackReader[];
  readonly loose: readonly LooseSource[];
  readonly positions: Uint32Array;
  readonly columns: ObjectColumns;
  readonly order: Uint32Array;
  readonly found: FoundDeltas;
  readonly signal: AbortSignal | undefined;
  readonly onWritten: ((objects: number) => void) | undefined;
}

const CHUNK_BYTES = 256 * 1024;
/** Longer entries are copied in pieces. */
const PIECE_BYTES = 1024 * 1024;

/** The pack's bytes, header to trailer. Throws what reading throws, and `signal.reason`. */
export async function* writeRepacked(pack: RepackedPack): AsyncGenerator<Uint8Array> {
  const { format, packs, loose, positions, columns, order, found, signal } = pack;
  const { bases, sources, offsets, flags, deltaBytes } = columns;
  const written = new Float64Array(columns.count);
  const pace = createPace();
  const output = createPackOutput(format);
  let chunk = new Uint8Array(CHUNK_BYTES);
  output.begin([chunk]);
  const context: Pick<CopyContext, "output" | "signal" | "onWritten"> = {
    output,
    signal,
    onWritten: () => undefined,
  };

  /** Hands on what is full. */
  function* full(): Generator<Uint8Array> {
    while (output.isFull) {
      yield chunk;
      chunk = new Uint8Array(CHUNK_BYTES);
      output.begin([chunk]);
    }
  }

  async function contentOf(object: number): Promise<Uint8Array> {
    const offset = offsets[object]!;
    if (sources[object] === LOOSE) return collectLoose(loose[offset]!);
    return (await packs[sources[object]!]!.readAt(offset, { signal })).content;
  }

  /** Copies the stored entry behind a new header; without one, as it is. */
  async function* copyStored(object: number, header: Uint8Array | undefined): AsyncGenerator<Uint8Array> {
    const reader = packs[sources[object]!]!;
    const offset = offsets[object]!;
    const entry = await reader.entryHeader(offset, { signal });
    if (header !== undefined) output.append(header, 0, header.length);
    let at = header === undefined ? offset : offset + entry.headerBytes;
    while (at < entry.endOffset) {
      const length = Math.min(PIECE_BYTES, entry.endOffset - at);
      const read =
        length < PIECE_BYTES
          ? reader.storedBytes(at, length, { signal })
          : reader.source.read(at, length, { signal });
      const bytes = read instanceof Uint8Array ? read : await read;
      output.append(bytes, 0, bytes.length);
      yield* full();
      at += length;
    }
  }

  const header = encodePackHeader(columns.count);
  output.append(header, 0, header.length);
  for (let i = 0; i < order.length; i++) {
    if (pace.isDue()) await pace.rest(signal);
    const object = order[i]!;
    written[object] = output.position;
    const base = bases[object]!;
    if (base >= 0) {
      const distance = output.position - written[base]!;
      const front = encodeEntryHeader(KIND_OFS_DELTA, deltaBytes[object]!, distance);
      if ((flags[object]! & REUSED) !== 0) yield* copyStored(object, front);
      else {
        const bytes = found.get(object) ?? (await deltaAgain(object, base));
        output.append(front, 0, front.length);
        output.append(bytes, 0, bytes.length);
      }
    } else if (sources[object] === LOOSE) {
      for await (const _ of writeLoose(loose[offsets[object]!]!, context)) yield* full();
    } else if ((flags[object]! & STORED_DELTA) === 0) yield* copyStored(object, undefined);
    else {
      const bytes = await packs[sources[object]!]!.wholeEntry(positions[object]!, { signal });
      output.append(bytes, 0, bytes.length);
    }
    yield* full();
    pack.onWritten?.(1);
  }
  output.finish();
  yield* full();
  if (output.filledBytes > 0) yield chunk.subarray(0, output.filledBytes);

  /** A delta that was found and not held is made once more, the same. */
  async function deltaAgain(object: number, base: number): Promise<Uint8Array> {
    const from = await contentOf(base);
    return deflateObject(encodeDelta(from, await contentOf(object), Number.MAX_SAFE_INTEGER)!);
  }
}
