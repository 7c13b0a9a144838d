import { Readable } from "node:stream";
import { createDeflate } from "node:zlib";
import { PackError } from "../errors.ts";
import { deflateContent } from "../inflate/deflate.ts";
import { encodeEntryHeader, kindOfObjectType } from "../scan/pack-entry.ts";
import type { ObjectType, Oid } from "../schema.ts";
import type { CopyContext } from "./copy-selection.ts";

/** An object that is not stored in a pack. */
export interface LooseSource {
  readonly oid: Oid;
  readonly type: ObjectType;
  /** Bytes of its content. */
  readonly sizeBytes: number;
  /** The content. */
  stream(): AsyncIterable<Uint8Array>;
}

/** Up to this size an object is deflated in one go. */
const SMALL_BYTES = 128 * 1024;

/**
 * Writes an object whole; comes back whenever the output is full. Throws PACK_BAD_OBJECT where its content is not as long as it says.
 */
export async function* writeLoose(
  object: LooseSource,
  context: Pick<CopyContext, "output" | "signal" | "onWritten">,
): AsyncGenerator<void> {
  const { output, signal } = context;
  const head = encodeEntryHeader(kindOfObjectType(object.type), object.sizeBytes);
  output.append(head, 0, head.length);
  if (object.sizeBytes <= SMALL_BYTES) {
    const packed = await deflateContent(await collectLoose(object));
    output.append(packed, 0, packed.length);
  } else {
    const pieces = Readable.from(measured(object), { objectMode: false });
    const deflate = createDeflate();
    pieces.once("error", (error) => deflate.destroy(error));
    try {
      for await (const packed of pieces.pipe(deflate)) {
        signal?.throwIfAborted();
        output.append(packed as Uint8Array, 0, (packed as Uint8Array).length);
        while (output.isFull) yield;
      }
    } finally {
      pieces.destroy();
      deflate.destroy();
    }
  }
  while (output.isFull) yield;
  context.onWritten(1);
}

/** The content as a whole. Throws PACK_BAD_OBJECT where it is not as long as it says. */
export async function collectLoose(object: LooseSource): Promise<Uint8Array> {
  const content = new Uint8Array(object.sizeBytes);
  let used = 0;
  for await (const piece of measured(object)) {
    content.set(piece, used);
    used += piece.length;
  }
  return content;
}

/** The content, found to be of just the declared size. */
async function* measured(object: LooseSource): AsyncGenerator<Uint8Array> {
  let seenBytes = 0;
  for await (const piece of object.stream()) {
    seenBytes += piece.length;
    if (seenBytes > object.sizeBytes) break;
    yield piece;
  }
  if (seenBytes !== object.sizeBytes) {
    throw new PackError("PACK_BAD_OBJECT", `object ${object.oid} is not ${object.sizeBytes} bytes long`, {
      oid: object.oid,
    });
  }
}
