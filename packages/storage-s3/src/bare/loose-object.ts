import type { Oid, RandomAccess } from "@millrace/pack";
import { inflateLoose, LOOSE_HEAD_BYTES, type LooseObject, parseLooseHeader } from "@millrace/storage";

const PIECE_BYTES = 1024 * 1024;

/** A loose object out of its file; a small one is there whole once its header is read. Throws `STORAGE_CORRUPT`. */
export async function openLooseFile(
  file: RandomAccess,
  oid: Oid,
  signal: AbortSignal | undefined,
): Promise<LooseObject> {
  const header = parseLooseHeader(await file.read(0, LOOSE_HEAD_BYTES, { signal }), oid);
  const { type, sizeBytes } = header;
  return {
    type,
    sizeBytes,
    stream: (options = {}) => inflateLoose(pieces(file, options.signal), header, oid, options),
  };
}

async function* pieces(file: RandomAccess, signal: AbortSignal | undefined): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < file.sizeBytes; at += PIECE_BYTES) yield file.read(at, PIECE_BYTES, { signal });
}
