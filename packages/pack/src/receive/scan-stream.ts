import { PackError } from "../errors.ts";
import { createObjectHasher, type Hasher, hashObject } from "../hash.ts";
import { hashLength } from "../object-id.ts";
import type { Pace } from "../read/pace.ts";
import { KIND_OFS_DELTA, KIND_REF_DELTA, objectTypeOfKind } from "../scan/pack-entry.ts";
import { createPackScanner, type PackScanHandler } from "../scan/pack-scanner.ts";
import type { ObjectFormat, ObjectType, PackLimits } from "../schema.ts";
import { abortable } from "./abortable.ts";
import { createDeltaStore, type DeltaStore } from "./delta-store.ts";
import { EntryTable } from "./entry-table.ts";
import type { Spool } from "./spool.ts";

/** Told of an object; `content` is undefined for one that came in pieces. All views are valid during the call. */
export type VisitObject = (
  type: ObjectType,
  oid: Uint8Array,
  sizeBytes: number,
  content: Uint8Array | undefined,
) => void;

/** What scanning needs. */
export interface ScanOptions {
  readonly format: ObjectFormat;
  readonly limits: PackLimits | undefined;
  readonly spool: Spool;
  readonly pace: Pace;
  readonly signal: AbortSignal | undefined;
  readonly visit: VisitObject | undefined;
  /** Memory for deltas to be kept in. */
  readonly keptDeltaBytes: number;
  readonly onProgress: (objects: number, total: number, bytes: number) => void;
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

/** Bytes scanned between two looks at the clock. */
const STEP_BYTES = 32 * 1024;

/**
 * Reads a pack to its end and no further: spools header and entries, hashes what is not a delta, and notes the rest.
 * Leaves the source (`return`) in every case. Throws what the scanner throws, PACK_MISSING_BASE and `signal.reason`.
 */
export async function scanStream(
  source: AsyncIterable<Uint8Array> | Iterable<Uint8Array>,
  options: ScanOptions,
): Promise<ScannedPack> {
  const { spool, pace, signal } = options;
  const table = new EntryTable(hashLength(options.format));
  const deltas = createDeltaStore(table, options.keptDeltaBytes);
  const handler = new TableHandler(table, deltas, options);
  const scanner = createPackScanner({ format: options.format, limits: options.limits, handler });
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
    seenBytes += at;
    if (scanner.done) {
      // Not `slice`, which shares memory where the chunk is a Buffer.
      trailing = new Uint8Array(chunk.subarray(at));
      break;
    }
  }
  scanner.end();
  table.bodyEnd = scanner.bodyBytes;
  options.onProgress(table.count, scanner.objectCount, seenBytes);
  const { refCount, deltaCount } = handler;
  return { table, deltas, refCount, deltaCount, header, trailer: scanner.trailer!, trailing };
}

/** Writes what the scanner finds into the table. */
class TableHandler implements PackScanHandler {
  readonly #table: EntryTable;
  readonly #deltas: DeltaStore;
  readonly #options: ScanOptions;
  #hasher: Hasher | undefined = undefined;
  refCount = 0;
  deltaCount = 0;

  constructor(table: EntryTable, deltas: DeltaStore, options: ScanOptions) {
    this.#table = table;
    this.#deltas = deltas;
    this.#options = options;
  }

  onEntry(entry: Parameters<PackScanHandler["onEntry"]>[0]): void {
    const table = this.#table;
    const { kind } = entry;
    const added = table.add(entry.offset, kind, entry.sizeBytes, entry.headerBytes);
    if (kind < KIND_OFS_DELTA) return;
    this.deltaCount++;
    if (kind === KIND_REF_DELTA) {
      this.refCount++;
      table.oids.set(entry.baseOid!, added * table.hashBytes);
      return;
    }
    const base = table.find(entry.baseOffset);
    if (base < 0) {
      throw new PackError(
        "PACK_MISSING_BASE",
        `no entry starts where the delta at ${entry.offset} has its base`,
        {
          offset: entry.offset,
        },
      );
    }
    table.bases[added] = base;
  }

  onContent(entry: Parameters<PackScanHandler["onContent"]>[0], bytes: Uint8Array): void {
    const isWhole = bytes.length === entry.sizeBytes;
    const type = objectTypeOfKind(entry.kind);
    if (type === undefined) {
      if (isWhole) this.#deltas.keep(entry.index, bytes);
      return;
    }
    const { format, visit } = this.#options;
    if (isWhole) {
      const oid = hashObject(format, type, bytes);
      this.#table.oids.set(oid, entry.index * this.#table.hashBytes);
      visit?.(type, oid, bytes.length, bytes);
      return;
    }
    this.#hasher ??= createObjectHasher(format, type, entry.sizeBytes);
    this.#hasher.update(bytes);
  }

  onEntryEnd(entry: Parameters<PackScanHandler["onEntryEnd"]>[0]): void {
    const { oids, hashBytes, crcs } = this.#table;
    crcs[entry.index] = entry.crc32;
    if (this.#hasher === undefined) return;
    const oid = this.#hasher.digest();
    this.#hasher = undefined;
    oids.set(oid, entry.index * hashBytes);
    this.#options.visit?.(objectTypeOfKind(entry.kind)!, oid, entry.sizeBytes, undefined);
  }
}
