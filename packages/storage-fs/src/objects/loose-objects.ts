import { createReadStream } from "node:fs";
import { open, readdir } from "node:fs/promises";
import { join } from "node:path";
import type { ObjectFormat, Oid, OperationOptions } from "@millrace/pack";
import {
  inflateLoose,
  LOOSE_HEAD_BYTES,
  type LooseHeader,
  type LooseObject,
  parseLooseHeader,
} from "@millrace/storage";
import { ifPresent, toStorageError } from "../files/fault.ts";

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
    const wanted = Buffer.alloc(whole ? size : LOOSE_HEAD_BYTES);
    const { bytesRead } = await handle.read(wanted, 0, wanted.length, 0);
    start = wanted.subarray(0, bytesRead);
  } finally {
    await handle.close();
  }
  const header = parseLooseHeader(start, oid);
  const { type, sizeBytes } = header;
  return {
    type,
    sizeBytes,
    stream: (options = {}) => inflateContent({ path, oid, kept: whole ? start : undefined, header }, options),
  };
}

interface Source {
  readonly path: string;
  readonly oid: Oid;
  /** The compressed file where it is small. */
  readonly kept: Buffer | undefined;
  readonly header: LooseHeader;
}

async function* inflateContent(
  { path, oid, kept, header }: Source,
  options: OperationOptions,
): AsyncGenerator<Uint8Array> {
  try {
    yield* inflateLoose(kept === undefined ? createReadStream(path) : [kept], header, oid, options);
  } catch (error) {
    throw toStorageError(error, oid);
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
