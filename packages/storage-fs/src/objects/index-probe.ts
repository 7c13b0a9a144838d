import { type FileHandle, open } from "node:fs/promises";
import { hashLength, type ObjectFormat, type Oid } from "@millrace/pack";
import { ifPresent } from "../files/fault.ts";

/** Names are read at once from here on; larger buckets are halved first. */
const WINDOW_BYTES = 64 * 1024;

/**
 * Which of these ids a pack's index has, found by reading a few windows of it (gitformat-pack, versions 1 and 2).
 * Indexes that are gone or damaged have none.
 */
export async function probeIndex(
  path: string,
  format: ObjectFormat,
  oids: readonly Oid[],
): Promise<readonly Oid[]> {
  const handle = await ifPresent(open(path, "r"));
  if (handle === undefined) return [];
  try {
    const table = await readTable(handle, hashLength(format));
    if (table === undefined) return [];
    const found: Oid[] = [];
    for (const oid of oids) if (await holds(handle, table, Buffer.from(oid, "hex"))) found.push(oid);
    return found;
  } finally {
    await handle.close();
  }
}

interface Table {
  readonly fanOut: Buffer;
  readonly namesAt: number;
  readonly stride: number;
  /** Where the name starts in its row. */
  readonly nameAt: number;
}

async function readTable(handle: FileHandle, hashBytes: number): Promise<Table | undefined> {
  const start = await readAt(handle, 0, 8 + 1024);
  if (start.length < 8 + 1024) return undefined;
  if (start.readUInt32BE(0) !== 0xff744f63) {
    return { fanOut: start.subarray(0, 1024), namesAt: 1024, stride: 4 + hashBytes, nameAt: 4 };
  }
  if (start.readUInt32BE(4) !== 2) return undefined;
  return { fanOut: start.subarray(8), namesAt: 8 + 1024, stride: hashBytes, nameAt: 0 };
}

async function holds(handle: FileHandle, table: Table, oid: Buffer): Promise<boolean> {
  const { fanOut, namesAt, stride, nameAt } = table;
  const first = oid[0] as number;
  let low = first === 0 ? 0 : fanOut.readUInt32BE(4 * (first - 1));
  let high = fanOut.readUInt32BE(4 * first);
  while ((high - low) * stride > WINDOW_BYTES) {
    const middle = (low + high) >>> 1;
    const row = await readAt(handle, namesAt + middle * stride, stride);
    if (row.compare(oid, 0, oid.length, nameAt) <= 0) low = middle;
    else high = middle;
  }
  if (high <= low) return false;
  const rows = await readAt(handle, namesAt + low * stride, (high - low) * stride);
  for (let at = nameAt; at + oid.length <= rows.length; at += stride) {
    if (rows.compare(oid, 0, oid.length, at, at + oid.length) === 0) return true;
  }
  return false;
}

async function readAt(handle: FileHandle, position: number, length: number): Promise<Buffer> {
  const bytes = Buffer.alloc(length);
  let filled = 0;
  while (filled < length) {
    const { bytesRead } = await handle.read(bytes, filled, length - filled, position + filled);
    if (bytesRead === 0) break;
    filled += bytesRead;
  }
  return bytes.subarray(0, filled);
}
