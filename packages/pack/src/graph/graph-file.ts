import { crc32 } from "node:zlib";
import { hashLength } from "../object-id.ts";
import { finishAtOnce, type Steps } from "../read/pace.ts";
import type { ObjectFormat } from "../schema.ts";
import { badGraph } from "./bad-graph.ts";
import { checkColumns } from "./check-columns.ts";
import type { GraphColumns } from "./graph-columns.ts";
import { PackGraph } from "./pack-graph.ts";

/**
 * The file: a header of sixteen 32-bit words, then the columns, each from a multiple of 8 on, then the CRC-32 of all
 * before as one word. Words are in the machine's own order: one of the other order finds no magic and builds the graph
 * again. The checksum is for damage by accident, and a quick one: columns are checked besides, whoever wrote them.
 *
 * Header: magic, version, hash function (1 sha1, 2 sha256), entries, externals, words, large sizes, 0, and the pack's
 * checksum in 32 bytes. Columns: large sizes (64-bit floats), sizes, starts, words, kinds, ids of the externals.
 */
const MAGIC = 0x4d475246;
const VERSION = 2;
const HEADER_WORDS = 16;
const TRAILER_BYTES = 4;
const CHECK_STEP_BYTES = 4 * 1024 * 1024;

/** Where the columns of a file lie. */
interface Layout {
  readonly largeSizesAt: number;
  readonly sizesAt: number;
  readonly startsAt: number;
  readonly wordsAt: number;
  readonly kindsAt: number;
  readonly oidsAt: number;
  readonly trailerAt: number;
}

function paddedLength(bytes: number): number {
  return Math.ceil(bytes / 8) * 8;
}

function layOut(idBytes: number, count: number, externals: number, words: number, large: number): Layout {
  let at = HEADER_WORDS * 4;
  const take = (bytes: number): number => {
    const start = at;
    at += paddedLength(bytes);
    return start;
  };
  return {
    largeSizesAt: take(8 * large),
    sizesAt: take(4 * count),
    startsAt: take(4 * (count + 1)),
    wordsAt: take(4 * words),
    kindsAt: take(count + externals),
    oidsAt: take(externals * idBytes),
    trailerAt: at,
  };
}

/** Encodes a graph as a file; the bytes belong to the caller. */
export function encodePackGraph(graph: PackGraph): Uint8Array {
  const pieces = [...encodeGraphPieces(graph)];
  const file = new Uint8Array(pieces.reduce((bytes, piece) => bytes + piece.length, 0));
  let at = 0;
  for (const piece of pieces) {
    file.set(piece, at);
    at += piece.length;
  }
  return file;
}

/**
 * The pieces of a graph's file, one behind another: most of them are the graph's own columns, not copied, so that writing
 * a graph takes no memory. Not to be changed.
 */
export function* encodeGraphPieces(graph: PackGraph): Generator<Uint8Array, void, void> {
  const { format, count, externalCount, words, largeSizes } = graph;
  const header = new Uint32Array(HEADER_WORDS);
  const formatNumber = format === "sha1" ? 1 : 2;
  header.set([MAGIC, VERSION, formatNumber, count, externalCount, words.length, largeSizes.length]);
  bytesOf(header).set(graph.packChecksum, 32);
  const trailer = new Uint32Array(1);
  const { sizes, starts, kinds, externalOids } = graph;
  for (const column of [header, largeSizes, sizes, starts, words, kinds, externalOids]) {
    const bytes = bytesOf(column);
    const padding = new Uint8Array(paddedLength(bytes.length) - bytes.length);
    for (const piece of [bytes, padding]) {
      // Of a view on a buffer without bytes `crc32` begins anew.
      if (piece.length === 0) continue;
      trailer[0] = crc32(piece, trailer[0]);
      yield piece;
    }
  }
  yield bytesOf(trailer);
}

function bytesOf(column: ArrayBufferView): Uint8Array {
  return new Uint8Array(column.buffer, column.byteOffset, column.byteLength);
}

/**
 * Opens the graph file of a pack. `bytes` are kept, not copied, and must not change. Everything is checked, the
 * checksum too, so that a graph that opens can be walked.
 * Throws PACK_BAD_GRAPH: the file is damaged, of another version, or another pack's; build the graph again.
 */
export function openPackGraph(bytes: Uint8Array, format: ObjectFormat, packChecksum: Uint8Array): PackGraph {
  return finishAtOnce(openPackGraphSteps(bytes, format, packChecksum));
}

/** `openPackGraph` in steps. */
export function* openPackGraphSteps(
  bytes: Uint8Array,
  format: ObjectFormat,
  packChecksum: Uint8Array,
): Steps<PackGraph> {
  const idBytes = hashLength(format);
  const aligned = bytes.byteOffset % 8 === 0 ? bytes : new Uint8Array(bytes);
  const { buffer, byteOffset } = aligned;
  if (aligned.length < HEADER_WORDS * 4 + TRAILER_BYTES) throw badGraph("the file is too short");
  const header = new Uint32Array(buffer, byteOffset, HEADER_WORDS);
  if (header[0] !== MAGIC || header[1] !== VERSION) throw badGraph("not a graph, or of another version");
  if (header[2] !== (format === "sha1" ? 1 : 2)) throw badGraph("it is of another hash function");
  const [count, externals, words, large] = [header[3]!, header[4]!, header[5]!, header[6]!];
  const layout = layOut(idBytes, count, externals, words, large);
  if (aligned.length !== layout.trailerAt + TRAILER_BYTES) {
    throw badGraph("the file's size does not fit its header");
  }
  if (!startsWith(aligned, 32, packChecksum)) throw badGraph("it belongs to another pack");

  let checksum = 0;
  for (let at = 0; at < layout.trailerAt; at += CHECK_STEP_BYTES) {
    checksum = crc32(aligned.subarray(at, Math.min(at + CHECK_STEP_BYTES, layout.trailerAt)), checksum);
    yield;
  }
  const [told] = new Uint32Array(buffer, byteOffset + layout.trailerAt, 1);
  if (told !== checksum) throw badGraph("its checksum does not match");

  const starts = new Uint32Array(buffer, byteOffset + layout.startsAt, count + 1);
  const columns: GraphColumns = {
    format,
    packChecksum: new Uint8Array(packChecksum),
    count,
    kinds: aligned.subarray(layout.kindsAt, layout.kindsAt + count + externals),
    sizes: new Uint32Array(buffer, byteOffset + layout.sizesAt, count),
    largeSizes: new Float64Array(buffer, byteOffset + layout.largeSizesAt, large),
    starts,
    ends: starts.subarray(1),
    words: new Int32Array(buffer, byteOffset + layout.wordsAt, words),
    externalOids: aligned.subarray(layout.oidsAt, layout.oidsAt + externals * idBytes),
  };
  return new PackGraph(columns, yield* checkColumns(columns));
}

function startsWith(bytes: Uint8Array, at: number, expected: Uint8Array): boolean {
  for (let i = 0; i < expected.length; i++) if (bytes[at + i] !== expected[i]) return false;
  return true;
}
