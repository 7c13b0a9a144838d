import { type FileHandle, mkdir, open, unlink } from "node:fs/promises";
import { randomUUID } from "node:crypto";
import { join } from "node:path";
import { type RandomAccess, roomOf, scatter } from "@millrace/pack";

/** Small writes are joined up to this size. */
const JOINED_BYTES = 256 * 1024;

/** A file without a name that grows at its end; it goes with this process, however that ends. */
export interface Spool extends AsyncDisposable {
  readonly sizeBytes: number;
  /** Appends; the bytes are the caller's again when it settles. */
  append(bytes: Uint8Array): Promise<void>;
  /** Writes over what is there. */
  overwrite(bytes: Uint8Array, offset: number): Promise<void>;
  /** Everything so far. */
  open(): Promise<RandomAccess>;
}

/** Opens a spool in a folder, which is made where it is missing. */
export async function openSpool(folder: string): Promise<Spool> {
  await mkdir(folder, { recursive: true });
  const path = join(folder, `pack-${randomUUID()}`);
  const handle = await open(path, "wx+", 0o600);
  await unlink(path);
  const joined = Buffer.allocUnsafe(JOINED_BYTES);
  let pending = 0;
  let written = 0;

  const flush = async (): Promise<void> => {
    if (pending === 0) return;
    await writeAt(handle, joined.subarray(0, pending), written);
    written += pending;
    pending = 0;
  };

  return {
    get sizeBytes() {
      return written + pending;
    },
    async append(bytes) {
      if (pending + bytes.length > JOINED_BYTES) await flush();
      if (bytes.length >= JOINED_BYTES / 2) {
        await flush();
        await writeAt(handle, bytes, written);
        written += bytes.length;
      } else {
        joined.set(bytes, pending);
        pending += bytes.length;
      }
    },
    async overwrite(bytes, offset) {
      await flush();
      await writeAt(handle, bytes, offset);
    },
    async open() {
      await flush();
      return readFrom(handle, written);
    },
    [Symbol.asyncDispose]: () => handle.close(),
  };
}

async function writeAt(handle: FileHandle, bytes: Uint8Array, offset: number): Promise<void> {
  for (let done = 0; done < bytes.length; ) {
    done += (await handle.write(bytes, done, bytes.length - done, offset + done)).bytesWritten;
  }
}

/** The first `sizeBytes` of an open file. */
function readFrom(handle: FileHandle, sizeBytes: number): RandomAccess {
  const read: RandomAccess["read"] = async (offset, length, { signal } = {}) => {
    signal?.throwIfAborted();
    const bytes = new Uint8Array(Math.max(0, Math.min(length, sizeBytes - offset)));
    let done = 0;
    while (done < bytes.length) {
      const { bytesRead } = await handle.read(bytes, done, bytes.length - done, offset + done);
      if (bytesRead === 0) break;
      done += bytesRead;
    }
    return bytes.subarray(0, done);
  };
  return {
    sizeBytes,
    fd: handle.fd,
    read,
    async readInto(targets, offset, options) {
      const bytes = await read(offset, roomOf(targets), options);
      scatter(bytes, targets);
      return bytes.length;
    },
  };
}
