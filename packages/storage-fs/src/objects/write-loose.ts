import { randomBytes } from "node:crypto";
import { type FileHandle, open, rename, unlink } from "node:fs/promises";
import { join } from "node:path";
import { Readable } from "node:stream";
import { createDeflate, deflateSync } from "node:zlib";
import { createObjectHasher, type ObjectFormat, type Oid, type PackedStream } from "@millrace/pack";
import { StorageError } from "@millrace/storage";
import { errnoOf, ifPresent } from "../files/fault.ts";
import type { SharedModes } from "../files/shared-modes.ts";

/** How loose objects are written. */
export interface LooseWriteOptions {
  /** The object directory that gets them. */
  readonly directory: string;
  readonly objectFormat: ObjectFormat;
  readonly modes: SharedModes;
  /** zlib's, -1 to 9. */
  readonly compression: number;
  readonly sync: boolean;
}

/** Up to this size an object is deflated in one go. */
const SMALL_BYTES = 64 * 1024;

/**
 * Writes one loose object (gitformat-loose: `type size\0` and the content, deflated), read-only, under a name of its
 * own in its fan-out directory first. Throws `STORAGE_CORRUPT` where the content has another id or length.
 */
export async function writeLoose(oid: Oid, object: PackedStream, options: LooseWriteOptions): Promise<void> {
  const fanOut = join(options.directory, oid.slice(0, 2));
  const path = join(fanOut, `tmp_obj_${randomBytes(6).toString("hex")}`);
  const handle = await openMaking(path, fanOut, options.modes);
  try {
    try {
      await writeDeflated(handle, oid, object, options);
      if (options.sync) await handle.sync();
    } finally {
      await handle.close();
    }
    await options.modes.adjust(path);
    await rename(path, join(fanOut, oid.slice(2)));
  } catch (error) {
    await ifPresent(unlink(path)).catch(() => undefined);
    throw error;
  }
}

async function openMaking(path: string, fanOut: string, modes: SharedModes): Promise<FileHandle> {
  try {
    return await open(path, "wx", 0o444);
  } catch (error) {
    if (errnoOf(error) !== "ENOENT") throw error;
    await modes.makeDirectory(fanOut);
    return open(path, "wx", 0o444);
  }
}

async function writeDeflated(
  handle: FileHandle,
  oid: Oid,
  object: PackedStream,
  { objectFormat, compression: level }: LooseWriteOptions,
): Promise<void> {
  const content = checked(oid, object, objectFormat);
  if (object.sizeBytes <= SMALL_BYTES) {
    const pieces: Uint8Array[] = [];
    for await (const piece of content) pieces.push(piece);
    await handle.writeFile(deflateSync(Buffer.concat(pieces), { level }));
    return;
  }
  const source = Readable.from(content, { objectMode: false });
  const deflate = createDeflate({ level });
  source.once("error", (error) => deflate.destroy(error));
  try {
    for await (const chunk of source.pipe(deflate)) await handle.writeFile(chunk as Buffer);
  } finally {
    source.destroy();
    deflate.destroy();
  }
}

/** The header and the content, found to have the id they are to be stored under. */
async function* checked(
  oid: Oid,
  { type, sizeBytes, content }: PackedStream,
  objectFormat: ObjectFormat,
): AsyncGenerator<Uint8Array> {
  const hasher = createObjectHasher(objectFormat, type, sizeBytes);
  yield Buffer.from(`${type} ${sizeBytes}\0`, "latin1");
  for await (const piece of content) {
    hasher.update(piece);
    yield piece;
  }
  if (Buffer.from(hasher.digest()).toString("hex") === oid) return;
  throw new StorageError("STORAGE_CORRUPT", `the staged object ${oid} is damaged`, { key: oid });
}
