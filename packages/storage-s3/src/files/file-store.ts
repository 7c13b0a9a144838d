import { type OperationOptions, type RandomAccess, roomOf } from "@millrace/pack";
import type { Bucket } from "../bucket/bucket.ts";
import type { Keys } from "../keys.ts";
import { untilAborted } from "../manifest/latest.ts";
import type { StoredFile } from "../manifest/schema.ts";
import { openSpool } from "../stage/spool.ts";
import type { DiskCache } from "./disk-cache.ts";
import { createMemoryCache } from "./memory-cache.ts";

/** Reads immutable files of the bucket in ranges of one size, each once for all who want it at the time. */
export interface FileStore extends AsyncDisposable {
  /** Bytes of a file; what is read belongs to the caller. Throws `STORAGE_NOT_FOUND` where the file is gone. */
  read(file: StoredFile, offset: number, length: number, options?: OperationOptions): Promise<Uint8Array>;
  /** Some bytes of a file as a source of their own. */
  open(file: StoredFile, offset: number, sizeBytes: number): RandomAccess;
  /** The same in an open file without a name, which goes when it is disposed or with the process. */
  copy(
    file: StoredFile,
    offset: number,
    sizeBytes: number,
    options?: OperationOptions,
  ): Promise<RandomAccess & AsyncDisposable>;
  /** Asks for the ranges at this place, for who will want them next; without a length, for one. */
  prefetch(file: StoredFile, offset: number, length?: number): void;
  /** Takes in the content of a file that was just written. */
  keep(file: StoredFile, bytes: Uint8Array): void;
}

export interface FileStoreOptions {
  readonly bucket: Bucket;
  readonly keys: Keys;
  readonly rangeBytes: number;
  readonly readAhead: number;
  readonly memoryCacheBytes: number;
  readonly disk: DiskCache | undefined;
  /** Where copies lie. */
  readonly spoolFolder: string;
}

export function createFileStore({
  bucket,
  keys,
  rangeBytes,
  readAhead,
  memoryCacheBytes,
  disk,
  spoolFolder,
}: FileStoreOptions): FileStore {
  const memory = createMemoryCache(memoryCacheBytes);
  const flights = new Map<string, Promise<Uint8Array>>();
  const writing = new Set<Promise<void>>();

  const lengthOf = (file: StoredFile, index: number): number =>
    Math.min(rangeBytes, file.sizeBytes - index * rangeBytes);
  /** Ranges of one size have the same name in every process that shares the folder. */
  const nameOf = (file: StoredFile, index: number): string =>
    `${file.key}#${file.version ?? ""}${rangeBytes}.${index}`;

  /** Nobody waits for the disk but who closes, and a full one is no reason to fail. */
  const keepOnDisk = (name: string, bytes: Uint8Array): void => {
    if (disk === undefined) return;
    const write = disk
      .put(name, bytes)
      .catch(() => undefined)
      .finally(() => writing.delete(write));
    writing.add(write);
  };

  const load = async (file: StoredFile, index: number, name: string): Promise<Uint8Array> => {
    const length = lengthOf(file, index);
    const cached = await disk?.get(name, length);
    if (cached !== undefined) return cached;
    const range = { offset: index * rangeBytes, length, isWhole: length === file.sizeBytes };
    const bytes = await bucket.getRange(keys.file(file.key), range);
    keepOnDisk(name, bytes);
    return bytes;
  };

  /** One range, shared with others: to be read and not to be written. */
  const rangeOf = (file: StoredFile, index: number): Promise<Uint8Array> => {
    const name = nameOf(file, index);
    const held = memory.get(name);
    if (held !== undefined) return Promise.resolve(held);
    let flight = flights.get(name);
    if (flight === undefined) {
      flight = load(file, index, name)
        .then((bytes) => {
          memory.set(name, bytes);
          return bytes;
        })
        .finally(() => flights.delete(name));
      flights.set(name, flight);
    }
    return flight;
  };

  /** Hands over `length` bytes piece by piece, with the place of each behind `offset`. */
  const eachPiece = async (
    file: StoredFile,
    offset: number,
    length: number,
    { signal }: OperationOptions,
    take: (piece: Uint8Array, at: number) => void,
  ): Promise<void> => {
    signal?.throwIfAborted();
    const end = offset + length;
    const first = Math.floor(offset / rangeBytes);
    const last = Math.floor((end - 1) / rangeBytes);
    // The next ones are on their way while the first is handed over.
    for (let index = first + 1; index <= Math.min(last, first + readAhead); index++) prefetch(file, index);
    for (let index = first; index <= last && length > 0; index++) {
      const range = await untilAborted(rangeOf(file, index), signal);
      const start = index * rangeBytes;
      const from = Math.max(offset, start);
      take(range.subarray(from - start, Math.min(end, start + range.length) - start), from - offset);
    }
  };

  const prefetch = (file: StoredFile, index: number): void => {
    if (index * rangeBytes < file.sizeBytes) rangeOf(file, index).catch(() => undefined);
  };

  const read: FileStore["read"] = async (file, offset, length, options = {}) => {
    const bytes = new Uint8Array(length);
    await eachPiece(file, offset, length, options, (piece, at) => bytes.set(piece, at));
    return bytes;
  };

  const copy: FileStore["copy"] = async (file, base, sizeBytes, options = {}) => {
    const spool = await openSpool(spoolFolder);
    try {
      for (let at = 0; at < sizeBytes; at += rangeBytes) {
        for (let i = 1; i <= readAhead; i++) {
          const next = at + i * rangeBytes;
          if (next < sizeBytes) prefetch(file, Math.floor((base + next) / rangeBytes));
        }
        await spool.append(await read(file, base + at, Math.min(rangeBytes, sizeBytes - at), options));
      }
      const source = await spool.open();
      return { ...source, [Symbol.asyncDispose]: () => spool[Symbol.asyncDispose]() };
    } catch (error) {
      await spool[Symbol.asyncDispose]();
      throw error;
    }
  };

  return {
    read,
    copy,
    open(file, base, sizeBytes) {
      /** Where a reader that goes straight on would read next. */
      let expected = -1;
      const clip = (offset: number, length: number): number =>
        Math.max(0, Math.min(length, sizeBytes - offset));
      const ahead = (offset: number, length: number): void => {
        if (offset === expected && length > 0) {
          const next = Math.floor((base + offset + length - 1) / rangeBytes) + 1;
          for (let i = 0; i < readAhead && (next + i) * rangeBytes < base + sizeBytes; i++)
            prefetch(file, next + i);
        }
        expected = offset + length;
      };
      return {
        sizeBytes,
        async read(offset, length, options = {}) {
          options.signal?.throwIfAborted();
          const found = clip(offset, length);
          ahead(offset, found);
          return read(file, base + offset, found, options);
        },
        async readInto(targets, offset, options = {}) {
          options.signal?.throwIfAborted();
          const found = clip(offset, roomOf(targets));
          ahead(offset, found);
          let target = 0;
          let filled = 0;
          await eachPiece(file, base + offset, found, options, (piece) => {
            for (let at = 0; at < piece.length; ) {
              const into = targets[target] as Uint8Array;
              const size = Math.min(piece.length - at, into.length - filled);
              into.set(piece.subarray(at, at + size), filled);
              at += size;
              filled += size;
              if (filled === into.length) {
                target++;
                filled = 0;
              }
            }
          });
          return found;
        },
      };
    },
    prefetch(file, offset, length = 1) {
      const last = Math.floor((offset + length - 1) / rangeBytes);
      for (let index = Math.floor(offset / rangeBytes); index <= last; index++) prefetch(file, index);
    },
    keep(file, bytes) {
      for (let index = 0; index * rangeBytes < file.sizeBytes; index++) {
        const range = bytes.slice(index * rangeBytes, index * rangeBytes + lengthOf(file, index));
        memory.set(nameOf(file, index), range);
        keepOnDisk(nameOf(file, index), range);
      }
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(writing);
    },
  };
}
