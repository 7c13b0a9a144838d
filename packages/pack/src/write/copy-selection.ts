import { PackError } from "../errors.ts";
import { zeroOid } from "../object-id.ts";
import { corrupt } from "../read/entry-source.ts";
import type { Pace } from "../read/pace.ts";
import {
  createEntryHeader,
  encodeEntryHeader,
  KIND_OFS_DELTA,
  KIND_REF_DELTA,
  MAX_ENTRY_HEADER_BYTES,
  parseEntryHeader,
} from "../scan/pack-entry.ts";
import { readInto, roomOf } from "../stream/targets.ts";
import type { PackOutput } from "./pack-output.ts";
import type { Selection } from "./selection.ts";

/** What one writing has done so far. */
export interface PackWriteStats {
  /** Entries of the pack; known from the start. */
  objects: number;
  /** Entries written as deltas. */
  deltas: number;
  /** Entries whose deflated bytes were taken over as they were stored. */
  reused: number;
  /** Those of them that are deltas. */
  reusedDeltas: number;
  /** Bytes of the whole pack. */
  bytes: number;
}

/** What copying entries needs to know beyond its own selection. */
export interface CopyContext {
  readonly output: PackOutput;
  readonly stats: PackWriteStats;
  readonly ofsDelta: boolean;
  readonly pace: Pace;
  readonly signal: AbortSignal | undefined;
  /** Whether the object is written from elsewhere in a way that a delta may name it by id. */
  isSentElsewhere(oid: Uint8Array): boolean;
  /** Whether the receiver has it. */
  isAtReceiver(oid: Uint8Array): boolean | Promise<boolean>;
  /** Called behind each stretch of entries. */
  onWritten(objects: number): void;
}

/** Stored bytes are read in windows of about this size. */
const WINDOW_BYTES = 1024 * 1024;
/** Smaller windows mostly hold the few objects of a fetch; others will fetch them too, so they are read through the cache. */
const SMALL_WINDOW_BYTES = 32 * 1024;
/** Buffers for windows are made in multiples of this. */
const BUFFER_STEP_BYTES = 64 * 1024;
/** Unselected entries up to this size are read over rather than starting a new read. */
const MAX_GAP_BYTES = 16 * 1024;
const PACE_MASK = 63;
/** Answers of `decide`. */
const KEEP = -1;
const WHOLE = 0;
const ASK = -2;

/** Bytes of the stored pack that hold the entries `first..last`; or a part of one large entry. */
interface Window {
  readonly first: number;
  readonly last: number;
  readonly start: number;
  readonly end: number;
}

/** Writes the entries of one selection to the output; comes back whenever that is full, and goes on when it has places again. */
export async function* copySelection(selection: Selection, context: CopyContext): AsyncGenerator<void> {
  const { output, stats, pace, signal } = context;
  const { reader, count, offsets, ends, written } = selection;
  const { index, source } = reader;
  const { format } = index;
  const header = createEntryHeader();
  const oid = new Uint8Array(zeroOid(format).length / 2);

  /** The header that replaces the stored one, where `decide` answers with a number above 0. */
  let newHeader: Uint8Array = oid;

  /**
   * Decides about the entry at `at` of `bytes` that is to start at `position` of the output: KEEP it as it is,
   * inflate it and write it WHOLE, or put `newHeader` in the place of so many bytes. ASK: its base, `oid`, is not among
   * those that are written here, and `decideByBase` goes on.
   */
  function decide(i: number, bytes: Uint8Array, at: number, end: number, position: number): number {
    if (!parseEntryHeader(bytes, at, end, format, header))
      throw corrupt(offsets[i]!, "its header is cut off");
    if (header.kind === KIND_OFS_DELTA) {
      const baseOffset = offsets[i]! - header.baseDistance;
      const base = selection.find(baseOffset, i);
      if (base >= 0 && context.ofsDelta) {
        const distance = position - written[base]!;
        if (distance === header.baseDistance) return KEEP;
        newHeader = encodeEntryHeader(KIND_OFS_DELTA, header.sizeBytes, distance);
        return header.headerBytes;
      }
      const basePosition = index.positionAtOffset(baseOffset);
      if (basePosition < 0) throw corrupt(offsets[i]!, "no entry starts where its base should");
      index.copyOid(basePosition, oid, 0);
      return base < 0 ? ASK : nameBase();
    }
    if (header.kind === KIND_REF_DELTA) {
      const from = header.baseOidOffset;
      const basePosition = index.find(bytes, from);
      if (basePosition >= 0 && selection.find(index.offsetAt(basePosition), i) >= 0) return KEEP;
      oid.set(bytes.subarray(from, from + oid.length));
      return ASK;
    }
    return KEEP;
  }

  async function decideByBase(): Promise<number> {
    if (!context.isSentElsewhere(oid) && !(await context.isAtReceiver(oid))) return WHOLE;
    return header.kind === KIND_REF_DELTA ? KEEP : nameBase();
  }

  function nameBase(): number {
    newHeader = encodeEntryHeader(KIND_REF_DELTA, header.sizeBytes, oid);
    return header.headerBytes;
  }

  function countEntry(kind: number): void {
    stats.reused++;
    if (kind < KIND_OFS_DELTA) return;
    stats.deltas++;
    stats.reusedDeltas++;
  }

  async function writeWhole(i: number): Promise<void> {
    const entry = await reader.wholeEntry(selection.positions[i]!, { signal });
    output.append(entry, 0, entry.length);
  }

  /** A window with whole entries: runs of entries that stay as they are go out in one piece. */
  async function* copyWindow(window: Window, bytes: Uint8Array): AsyncGenerator<void> {
    let runStart = 0;
    let runEnd = 0;
    for (let i = window.first; i <= window.last; i++) {
      const at = offsets[i]! - window.start;
      const end = ends[i]! - window.start;
      if (at !== runEnd) {
        output.append(bytes, runStart, runEnd);
        runStart = at;
        runEnd = at;
      }
      const position = output.position + runEnd - runStart;
      written[i] = position;
      const kind = (bytes[at]! >> 4) & 7;
      let skip = kind < KIND_OFS_DELTA ? KEEP : decide(i, bytes, at, end, position);
      if (skip === ASK) skip = await decideByBase();
      if (skip === WHOLE) {
        output.append(bytes, runStart, runEnd);
        await writeWhole(i);
        runStart = end;
      } else {
        countEntry(kind);
        if (skip > 0) {
          output.append(bytes, runStart, runEnd);
          output.append(newHeader, 0, newHeader.length);
          runStart = at + skip;
        }
      }
      runEnd = end;
      if (skip !== WHOLE && (i & PACE_MASK) !== 0) continue;
      while (output.isFull) yield;
      if (pace.isDue()) await pace.rest(signal);
    }
    output.append(bytes, runStart, runEnd);
    context.onWritten(window.last - window.first + 1);
    while (output.isFull) yield;
    if (pace.isDue()) await pace.rest(signal);
  }

  /** One entry that is larger than a window: its bytes are read to where they are to be. */
  async function* copyLarge(i: number): AsyncGenerator<void> {
    const offset = offsets[i]!;
    const head = new Uint8Array(MAX_ENTRY_HEADER_BYTES);
    await readExactly([head], offset);
    written[i] = output.position;
    let skip = decide(i, head, 0, head.length, output.position);
    if (skip === ASK) skip = await decideByBase();
    if (skip === WHOLE) {
      await writeWhole(i);
      while (output.isFull) yield;
    } else {
      countEntry((head[0]! >> 4) & 7);
      if (skip > 0) output.append(newHeader, 0, newHeader.length);
      for (let at = offset + Math.max(skip, 0); at < ends[i]!; ) {
        while (output.isFull) yield;
        const places = output.freePlaces(ends[i]! - at);
        const read = await readExactly(places, at);
        output.advance(read);
        at += read;
      }
      while (output.isFull) yield;
    }
    context.onWritten(1);
  }

  async function readExactly(targets: readonly Uint8Array[], offset: number): Promise<number> {
    const read = await readInto(source, targets, offset, { signal });
    if (read < roomOf(targets)) {
      throw new PackError("PACK_TRUNCATED", "the stored pack is shorter than its index says", { offset });
    }
    return read;
  }

  function nextWindow(first: number): Window {
    const start = offsets[first]!;
    let last = first;
    while (
      last + 1 < count &&
      offsets[last + 1]! - ends[last]! <= MAX_GAP_BYTES &&
      ends[last + 1]! - start <= WINDOW_BYTES
    ) {
      last++;
    }
    return { first, last, start, end: ends[last]! };
  }

  /** Two buffers take turns: the next window is read into one while this one is written from the other. */
  const buffers: Uint8Array[] = [];
  let turn = 0;

  function startRead(window: Window): Promise<Uint8Array> | undefined {
    const length = window.end - window.start;
    if (length > WINDOW_BYTES) return undefined;
    const reading =
      length <= SMALL_WINDOW_BYTES
        ? Promise.resolve(reader.storedBytes(window.start, length, { signal }))
        : readLarge(window.start, length);
    // What fails before it is waited for is told then.
    reading.catch(() => undefined);
    return reading;
  }

  async function readLarge(start: number, length: number): Promise<Uint8Array> {
    turn = 1 - turn;
    let buffer = buffers[turn];
    if (buffer === undefined || buffer.length < length) {
      buffer = Buffer.allocUnsafeSlow(Math.ceil(length / BUFFER_STEP_BYTES) * BUFFER_STEP_BYTES);
      buffers[turn] = buffer;
    }
    const bytes = buffer.subarray(0, length);
    await readExactly([bytes], start);
    return bytes;
  }

  let window = count > 0 ? nextWindow(0) : undefined;
  let bytes = window && startRead(window);
  try {
    while (window !== undefined) {
      signal?.throwIfAborted();
      const current = await bytes;
      const following: Window | undefined = window.last + 1 < count ? nextWindow(window.last + 1) : undefined;
      bytes = following && startRead(following);
      yield* current === undefined ? copyLarge(window.first) : copyWindow(window, current);
      window = following;
    }
  } finally {
    // What reads on keeps the source open.
    await bytes?.catch(() => undefined);
  }
}
