import { readSync, read as readCallback } from "node:fs";
import { promisify } from "node:util";
import { createObjectHasher, hashObject, type ObjectFormat, type Oid, oidFromBytes } from "@millrace/pack";
import { MountError } from "../errors.ts";

const read = promisify(readCallback);

/** Up to here a file is read and hashed in place: that takes less time than the way to another thread and back. */
const AT_ONCE_BYTES = 128 * 1024;
const PIECE_BYTES = 1024 * 1024;

/** The hash function that an id comes from. */
export function formatOfOid(oid: Oid): ObjectFormat {
  return oid.length === 64 ? "sha256" : "sha1";
}

/**
 * Whether an open file of this size holds the blob of this id; at once where the file is small. What the disk cannot read
 * does not hold it. Throws what else the disk says.
 */
export function isBlob(fd: number, sizeBytes: number, oid: Oid): boolean | Promise<boolean> {
  if (sizeBytes > AT_ONCE_BYTES) return isLargeBlob(fd, sizeBytes, oid).catch(falseIfUnreadable);
  try {
    return isSmallBlob(fd, sizeBytes, oid);
  } catch (error) {
    return falseIfUnreadable(error);
  }
}

function falseIfUnreadable(error: unknown): false {
  if ((error as NodeJS.ErrnoException).code !== "EIO") throw error;
  return false;
}

const shared = Buffer.alloc(AT_ONCE_BYTES);

function isSmallBlob(fd: number, sizeBytes: number, oid: Oid): boolean {
  let at = 0;
  while (at < sizeBytes) {
    const count = readSync(fd, shared, at, sizeBytes - at, at);
    if (count === 0) return false;
    at += count;
  }
  const format = formatOfOid(oid);
  return oidFromBytes(hashObject(format, "blob", shared.subarray(0, sizeBytes)), 0, format) === oid;
}

async function isLargeBlob(fd: number, sizeBytes: number, oid: Oid): Promise<boolean> {
  return (await oidOfLargeFile(fd, sizeBytes, formatOfOid(oid))) === oid;
}

/** The id that the content of an open file has as a blob. Throws what the disk says. */
export async function oidOfFile(fd: number, sizeBytes: number, format: ObjectFormat): Promise<Oid> {
  const oid = await oidOfLargeFile(fd, sizeBytes, format);
  if (oid === undefined) throw new MountError("MOUNT_BLOB_DAMAGED", "a file was cut while it was written");
  return oid;
}

/** `undefined` where the file is shorter. */
async function oidOfLargeFile(fd: number, sizeBytes: number, format: ObjectFormat): Promise<Oid | undefined> {
  const hasher = createObjectHasher(format, "blob", sizeBytes);
  const piece = Buffer.alloc(PIECE_BYTES);
  for (let at = 0; at < sizeBytes; ) {
    const { bytesRead } = await read(fd, piece, 0, Math.min(PIECE_BYTES, sizeBytes - at), at);
    if (bytesRead === 0) return undefined;
    hasher.update(piece.subarray(0, bytesRead));
    at += bytesRead;
  }
  return oidFromBytes(hasher.digest(), 0, format);
}
