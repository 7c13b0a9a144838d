import { constants, createInflate, inflateSync } from "node:zlib";
import type { ObjectType, Oid, OperationOptions } from "@millrace/pack";
import { StorageError } from "../errors.ts";

/** Enough compressed bytes for any header; what they inflate to is bounded by deflate itself. */
export const LOOSE_HEAD_BYTES = 256;

/** What a loose object says of itself before its content (gitformat-loose). */
export interface LooseHeader {
  readonly type: ObjectType;
  /** Inflated size of the content. */
  readonly sizeBytes: number;
  /** Inflated size of this header. */
  readonly headerBytes: number;
}

/** Reads the header out of the first compressed bytes. Throws `STORAGE_CORRUPT`. */
export function parseLooseHeader(compressed: Uint8Array, oid: Oid): LooseHeader {
  let inflated: Buffer;
  try {
    const finishFlush = constants.Z_SYNC_FLUSH;
    inflated = inflateSync(compressed.subarray(0, LOOSE_HEAD_BYTES), { finishFlush });
  } catch (cause) {
    throw corruptLoose(oid, cause);
  }
  const end = inflated.indexOf(0);
  const match = /^(commit|tree|blob|tag) (0|[1-9][0-9]*)$/.exec(
    inflated.toString("latin1", 0, Math.min(end, 40)),
  );
  const sizeBytes = Number(match?.[2]);
  if (end < 0 || match === null || !Number.isSafeInteger(sizeBytes)) throw corruptLoose(oid);
  return { type: match[1] as ObjectType, sizeBytes, headerBytes: end + 1 };
}

/**
 * The content of a loose object out of its compressed bytes, as much as is read of it. Throws `STORAGE_CORRUPT` where it
 * is damaged or of another length, and what the source throws.
 */
export async function* inflateLoose(
  compressed: Iterable<Uint8Array> | AsyncIterable<Uint8Array>,
  { sizeBytes, headerBytes }: LooseHeader,
  oid: Oid,
  { signal }: OperationOptions = {},
): AsyncGenerator<Uint8Array> {
  signal?.throwIfAborted();
  const inflate = createInflate();
  let fault: { readonly error: unknown } | undefined;
  const feed = async (): Promise<void> => {
    for await (const bytes of compressed) {
      if (inflate.destroyed) return;
      if (inflate.write(bytes)) continue;
      await new Promise<void>((resolve) => {
        for (const event of ["drain", "close"]) inflate.once(event, () => resolve());
      });
    }
    inflate.end();
  };
  const feeding = feed().catch((error: unknown) => {
    fault = { error };
    inflate.destroy(error as Error);
  });
  let skip = headerBytes;
  let left = sizeBytes;
  try {
    for await (const chunk of inflate as AsyncIterable<Buffer>) {
      signal?.throwIfAborted();
      const skipped = Math.min(skip, chunk.length);
      skip -= skipped;
      left -= chunk.length - skipped;
      if (left < 0) throw corruptLoose(oid);
      if (chunk.length > skipped) yield new Uint8Array(chunk.subarray(skipped));
    }
    if (left > 0) throw corruptLoose(oid);
  } catch (error) {
    if (fault !== undefined) throw fault.error;
    throw isZlibError(error) ? corruptLoose(oid, error) : error;
  } finally {
    inflate.destroy();
    await feeding;
  }
}

function isZlibError(error: unknown): boolean {
  return (
    error instanceof Error && "code" in error && typeof error.code === "string" && error.code.startsWith("Z_")
  );
}

function corruptLoose(oid: Oid, cause?: unknown): StorageError {
  return new StorageError("STORAGE_CORRUPT", `loose object ${oid} is damaged`, { key: oid, cause });
}
