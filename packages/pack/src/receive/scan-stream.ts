import type { LinkStore } from "../graph/link-store.ts";
import { hashLength } from "../object-id.ts";
import type { Pace } from "../read/pace.ts";
import { createPackScanner } from "../scan/pack-scanner.ts";
import type { PackLimits } from "../schema.ts";
import { abortable } from "./abortable.ts";
import { createDeltaStore, type DeltaStore } from "./delta-store.ts";
import { EntryTable } from "./entry-table.ts";
import { type ArrivalOptions, ArrivingObjects } from "./arriving-objects.ts";
import type { Spool } from "./spool.ts";

/** What scanning needs. */
export interface ScanOptions extends ArrivalOptions {
  readonly limits: PackLimits | undefined;
  readonly spool: Spool;
  /** Where links go. */
  readonly linkStore: LinkStore | undefined;
  readonly pace: Pace;
  readonly signal: AbortSignal | undefined;
  /** Memory for deltas to be kept in. */
  readonly keptDeltaBytes: number;
  readonly onProgress: (objects: number, total: number, bytes: number) => void;
  /** Told after each chunk how many deltas have come in how many bytes. */
  readonly onDeltas: (deltas: number, bytes: number) => void;
}

/** A pack that has arrived. */
export interface ScannedPack {
  readonly table: EntryTable;
  readonly deltas: DeltaStore;
  readonly refCount: number;
  readonly deltaCount: number;
  /** The first 12 bytes. */
  readonly header: Uint8Array;
  readonly trailer: Uint8Array;
  /** What the source gave beyond the pack's end. */
  readonly trailing: Uint8Array;
}

/** Bytes scanned between two looks at the clock; no more than the kernel's inflater takes in one piece. */
const STEP_BYTES = 64 * 1024;

/**
 * Reads a pack to its end and no further: spools header and entries, hashes and checks what is not a delta, and notes
 * the rest. Leaves the source (`return`) in every case. Throws what the scanner throws, PACK_MISSING_BASE,
 * PACK_COLLISION and `signal.reason`.
 */
export async function scanStream(
  source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  options: ScanOptions,
): Promise<ScannedPack> {
  const { spool, linkStore, pace, signal } = options;
  const table = new EntryTable(hashLength(options.format));
  const deltas = createDeltaStore(table, options.keptDeltaBytes);
  const arriving = new ArrivingObjects(table, deltas, options);
  const scanner = createPackScanner(
    { format: options.format, limits: options.limits, handler: arriving },
    (take) => arriving.createInflater(take),
  );
  let trailing: Uint8Array = new Uint8Array(0);
  const header = new Uint8Array(12);
  let seenBytes = 0;
  for await (const chunk of abortable(source, signal)) {
    let at = 0;
    for (let i = 0; seenBytes + i < header.length && i < chunk.length; i++) header[seenBytes + i] = chunk[i]!;
    while (at < chunk.length && !scanner.done) {
      at += scanner.push(chunk.subarray(at, at + STEP_BYTES));
      if (pace.isDue()) {
        options.onProgress(table.count, scanner.objectCount, seenBytes + at);
        await pace.rest(signal);
      }
    }
    const body = scanner.bodyBytes - seenBytes;
    if (body > 0) await spool.write(body === chunk.length ? chunk : chunk.subarray(0, body));
    const waiting = linkStore?.settle();
    if (waiting !== undefined) await waiting;
    seenBytes += at;
    options.onDeltas(arriving.deltaCount, seenBytes);
    if (scanner.done) {
      // Not `slice`, which shares memory where the chunk is a Buffer.
      trailing = new Uint8Array(chunk.subarray(at));
      break;
    }
  }
  scanner.end();
  arriving.finish();
  table.bodyEnd = scanner.bodyBytes;
  options.onProgress(table.count, scanner.objectCount, seenBytes);
  const { refCount, deltaCount } = arriving;
  return { table, deltas, refCount, deltaCount, header, trailer: scanner.trailer!, trailing };
}
