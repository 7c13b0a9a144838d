import type { ObjectFormat, PackLimits } from "../schema.ts";
import type { EntryKind } from "./pack-entry.ts";

/** One entry of the pack; the scanner reuses the object for the next. */
export interface ScannedEntry {
  /** Place in the pack, from 0. */
  index: number;
  /** Where the entry starts, in bytes from the pack's start. */
  offset: number;
  kind: EntryKind;
  /** Inflated bytes: of the object, or of the delta's instructions. */
  sizeBytes: number;
  headerBytes: number;
  /** OFS_DELTA: where the base starts; else -1. */
  baseOffset: number;
  /** REF_DELTA: the raw id of the base, a view that the next entry overwrites. */
  baseOid: Uint8Array | undefined;
  /** Where the next entry starts; set when this one ends. */
  endOffset: number;
  /** CRC-32 of the packed bytes, unsigned; set when the entry ends. */
  crc32: number;
}

/** Receives what the scanner finds; every call is synchronous and every view is valid during it only. */
export interface PackScanHandler {
  /** The pack's header was read; the count is only a claim so far. */
  onHeader?(objectCount: number): void;
  /** An entry's header was read and its content follows. */
  onEntry(entry: ScannedEntry): void;
  /**
   * Inflated bytes in order. Commits, trees and tags come in exactly one call, as does everything up to
   * `wholeObjectBytes`, empty objects too; larger blobs and deltas come in pieces.
   */
  onContent(entry: ScannedEntry, bytes: Uint8Array): void;
  /** The entry's end was reached and its checksum verified. */
  onEntryEnd(entry: ScannedEntry): void;
}

/** What a scanner needs to know. */
export interface PackScannerOptions {
  readonly format: ObjectFormat;
  readonly limits?: PackLimits | undefined;
  /** Blobs and deltas up to this size come in one piece. Default 1 MiB. */
  readonly wholeObjectBytes?: number | undefined;
  readonly handler: PackScanHandler;
}

/** An incremental reader of one pack stream (gitformat-pack). */
export interface PackScanner {
  /**
   * Takes the next bytes, in chunks of any size, and returns how many of them belong to the pack: all, unless it
   * ended inside. Throws PACK_BAD_HEADER, PACK_CORRUPT, PACK_CHECKSUM_MISMATCH or PACK_LIMIT_EXCEEDED; the scanner is
   * of no further use then.
   * Works until the chunk is used up; let the event loop turn between calls, else zlib's memory piles up.
   */
  push(chunk: Uint8Array): number;
  /** Says that the stream has ended; throws PACK_TRUNCATED unless the pack has, too. */
  end(): void;
  /** Whether the trailer was read and verified. */
  readonly done: boolean;
  /** From the header; -1 before it was read. */
  readonly objectCount: number;
  /** Bytes seen so far of header and entries, those of an unfinished entry included and the trailer's not. */
  readonly bodyBytes: number;
  /** The pack's checksum, once `done`. */
  readonly trailer: Uint8Array | undefined;
}
