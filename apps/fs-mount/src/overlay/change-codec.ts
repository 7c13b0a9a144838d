import {
  damaged,
  decodeEntry,
  decodeNode,
  parseKey,
  Reader,
  writeEntry,
  writeEntryKey,
  writeIdKey,
  writeNode,
  Writer,
} from "./row-codec.ts";
import { RowLayer } from "./row-layer.ts";

/** The second one knows rows of contents; all else is as in the first. */
const META_VERSION = 2;
const OLDEST_VERSION = 1;
/** Every change goes through one memory: it is written to the journal before the next one comes. */
const changeWriter = new Writer();

/** What a store knows of itself. */
export interface Meta {
  /** The newest change that is in the database. */
  readonly applied: number;
  readonly lastId: number;
  readonly changed: number;
  readonly whiteouts: number;
  /** The store was closed in order. */
  readonly isClosed: boolean;
}

/**
 * The payload of a journal's record, valid until the next call; empty where nothing is to be kept. What becomes of the content of a
 * node that has no name is not said: it goes when it is found without a node.
 * @param isNameless whether a node has no row already
 */
export function encodeChange(layer: RowLayer, isNameless: (id: number) => boolean): Uint8Array {
  const writer = changeWriter;
  writer.reset();
  for (const [id, node] of layer.nodes) {
    const isNamed = node !== null && node.nlink > 0;
    if (!isNamed && isNameless(id)) continue;
    writeIdKey(writer, "node", id);
    writer.u8(isNamed ? 1 : 0);
    if (isNamed) writer.nested(() => writeNode(writer, node));
  }
  for (const [directory, names] of layer.entries) {
    for (const [name, entry] of names) {
      writeEntryKey(writer, directory, name);
      writer.u8(entry === null ? 0 : 1);
      if (entry !== null) writeEntry(writer, entry);
    }
  }
  for (const [id, content] of layer.contents) {
    if (isNameless(id)) continue;
    writeIdKey(writer, "content", id);
    writer.u8(content === null ? 0 : 1);
    if (content !== null) writer.bytes(content);
  }
  return writer.done();
}

/** Contents in it are views. @throws MountError MOUNT_OVERLAY_DAMAGED, a RangeError */
export function decodeChange(payload: Uint8Array): RowLayer {
  const reader = new Reader(payload);
  const layer = new RowLayer();
  while (!reader.isAtEnd) {
    const key = parseKey(reader.bytes());
    const value = reader.u8() === 0 ? null : reader.bytes();
    if ("id" in key) layer.nodes.set(key.id, value === null ? null : decodeNode(key.id, value));
    else if ("contentOf" in key) layer.putContent(key.contentOf, value);
    else layer.putEntry(key.directory, key.name, value === null ? null : decodeEntry(value));
  }
  return layer;
}

export function encodeMeta(meta: Meta): Buffer {
  const writer = new Writer();
  writer.u8(META_VERSION);
  for (const number of [meta.applied, meta.lastId, meta.changed, meta.whiteouts]) writer.f64(number);
  writer.u8(meta.isClosed ? 1 : 0);
  return writer.done();
}

/** @throws MountError MOUNT_OVERLAY_DAMAGED */
export function decodeMeta(value: Uint8Array | undefined): Meta {
  if (value === undefined) return { applied: 0, lastId: 0, changed: 0, whiteouts: 0, isClosed: true };
  try {
    const reader = new Reader(value);
    const version = reader.u8();
    if (version < OLDEST_VERSION || version > META_VERSION) throw damaged("it is of another version");
    const [applied, lastId, changed, whiteouts] = [reader.f64(), reader.f64(), reader.f64(), reader.f64()];
    return { applied, lastId, changed, whiteouts, isClosed: reader.u8() === 1 };
  } catch (cause) {
    throw cause instanceof RangeError ? damaged("its first row", cause) : cause;
  }
}
