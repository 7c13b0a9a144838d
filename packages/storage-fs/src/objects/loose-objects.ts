import { createReadStream } from "node:fs";
import { open, readdir } from "node:fs/promises";
import { join } from "node:path";
import { constants, createInflate, inflateSync } from "node:zlib";
import type { ObjectFormat, ObjectType, Oid, OperationOptions } from "@millrace/pack";
import { type LooseObject, StorageError } from "@millrace/storage";
import { ifPresent, toStorageError } from "../files/fault.ts";

/** Enough compressed bytes for any header; what they inflate to is bounded by deflate itself. */
const HEAD_BYTES = 256;
/** Objects this small when compressed are kept in memory from their opening on, so that git may pack them meanwhile. */
const KEPT_BYTES = 64 * 1024;

/** Opens a loose object in one of these object directories; reads no further than its header unless it is small. */
export async function openLooseObject(
  directories: readonly string[],
  oid: Oid,
): Promise<LooseObject | undefined> {
  for (const directory of directories) {
    const path = join(directory, oid.slice(0, 2), oid.slice(2));
    const object = await ifPresent(openAt(path, oid));
    if (object !== undefined) return object;
  }
  return undefined;
}

async function openAt(path: string, oid: Oid): Promise<LooseObject> {
  const handle = await open(path, "r");
  let start: Buffer;
  let whole: boolean;
  try {
    const { size } = await handle.stat();
    whole = size <= KEPT_BYTES;
    const wanted = Buffer.alloc(whole ? size : HEAD_BYTES);
    const { bytesRead } = await handle.read(wanted, 0, wanted.length, 0);
    start = wanted.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
  const { type, sizeBytes, headerBytes } = parseHeader(start, oid);
  return {
    type,
    sizeBytes,
    stream: (options = {}) =>
      inflateContent({ path, oid, kept: whole ? start : undefined, sizeBytes, headerBytes }, options),
  };
}

interface Header {
  readonly type: ObjectType;
  readonly sizeBytes: number;
  readonly headerBytes: number;
}

function parseHeader(compressed: Buffer, oid: Oid): Header {
  let inflated: Buffer;
  try {
    inflated = inflateSync(compressed.subarray(0, HEAD_BYTES), { finishFlush: constants.Z_SYNC_FLUSH });
  } catch (cause) {
    throw corrupt(oid, cause);
  }
  const end = inflated.indexOf(0);
  const match = /^(commit|tree|blob|tag) (0|[1-9][0-9]*)$/.exec(
    inflated.toString("latin1", 0, Math.min(end, 40)),
  );
  const sizeBytes = Number(match?.[2]);
  if (end < 0 || match === null || !Number.isSafeInteger(sizeBytes)) throw corrupt(oid);
  return { type: match[1] as ObjectType, sizeBytes, headerBytes: end + 1 };
}

interface Source {
  readonly path: string;
  readonly oid: Oid;
  /** The compressed file where it is small. */
  readonly kept: Buffer | undefined;
  readonly sizeBytes: number;
  readonly headerBytes: number;
}

async function* inflateContent(source: Source, { signal }: OperationOptions): AsyncGenerator<Uint8Array> {
  const { oid, kept, sizeBytes } = source;
  signal?.throwIfAborted();
  const inflate = createInflate();
  const file = kept === undefined ? createReadStream(source.path) : undefined;
  file?.on("error", (error) => inflate.destroy(error));
  if (file === undefined) inflate.end(kept);
  else file.pipe(inflate);
  let skip = source.headerBytes;
  let left = sizeBytes;
  try {
    for await (const chunk of inflate as AsyncIterable<Buffer>) {
      signal?.throwIfAborted();
      const skipped = Math.min(skip, chunk.length);
      skip -= skipped;
      left -= chunk.length - skipped;
      if (left < 0) throw corrupt(oid);
      if (chunk.length > skipped) yield new Uint8Array(chunk.subarray(skipped));
    }
    if (left > 0) throw corrupt(oid);
  } catch (error) {
    if (isZlibError(error)) throw corrupt(oid, error);
    throw toStorageError(error, oid);
  } finally {
    inflate.destroy();
    file?.destroy();
  }
}

/** All loose objects in these directories; ids that several of them have are told more than once. */
export async function* listLooseObjects(
  directories: readonly string[],
  format: ObjectFormat,
  { signal }: OperationOptions,
): AsyncGenerator<Oid> {
  const rest = (format === "sha1" ? 40 : 64) - 2;
  const isRest = (name: string): boolean => name.length === rest && /^[0-9a-f]+$/.test(name);
  for (const directory of directories) {
    for (const prefix of (await ifPresent(readdir(directory))) ?? []) {
      if (!/^[0-9a-f]{2}$/.test(prefix)) continue;
      signal?.throwIfAborted();
      for (const name of (await ifPresent(readdir(join(directory, prefix)))) ?? []) {
        if (isRest(name)) yield prefix + name;
      }
    }
  }
}

function isZlibError(error: unknown): boolean {
  return (
    error instanceof Error && "code" in error && typeof error.code === "string" && error.code.startsWith("Z_")
  );
}

function corrupt(oid: Oid, cause?: unknown): StorageError {
  return new StorageError("STORAGE_CORRUPT", `loose object ${oid} is damaged`, { key: oid, cause });
}
