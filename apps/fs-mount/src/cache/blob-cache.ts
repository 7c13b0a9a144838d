import { randomUUID } from "node:crypto";
import {
  closeSync,
  fstatSync,
  openSync,
  renameSync,
  rmSync,
  type Stats,
  statSync,
  write as writeCallback,
  writeSync,
} from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import type { ObjectFormat, Oid } from "@millrace/pack";
import { MountError } from "../errors.ts";
import { BlobDraft, type DraftHost } from "./blob-draft.ts";
import { BlobPlaces } from "./blob-place.ts";
import { CacheRoom, type Evicted } from "./cache-room.ts";
import { isDiskFull } from "./disk-full.ts";
import { noteUse, openFile, touch } from "./file-access.ts";
import { type CachedBlob, wholeBlob } from "./open-blob.ts";
import { BlobCacheOptions, type FilledBlobCacheOptions } from "./schema.ts";
import { diskBytes } from "./survey.ts";
import { type FileIdentity, VerifiedFiles } from "./verified-files.ts";
import { isBlob, oidOfFile } from "./verify-blob.ts";

/** How a blob is opened. */
export interface OpenBlobOptions {
  /** Its size, where it is known: a file of another is none. */
  readonly sizeBytes?: number | undefined;
  /** Its file stays in its place until the blob is released, as far as this process decides. */
  readonly keepPath?: boolean | undefined;
}

const write = promisify(writeCallback);

/** Told of a file of the cache that is what its name says, and of its state. */
export type VerifiedWatcher = (oid: Oid, file: FileIdentity) => void;

/** A blob that has just come, for those who waited for it. What the cache does not keep is gone when this is disposed. */
export interface BlobLanding extends Disposable {
  readonly sizeBytes: number;
  open(options?: Pick<OpenBlobOptions, "keepPath">): CachedBlob;
}

/** Up to here a blob is written in place: that takes less time than the way to another thread and back. */
const AT_ONCE_BYTES = 1024 * 1024;

/**
 * Opens a cache of blobs in a folder.
 * Throws what the disk says.
 * @throws ZodError where the options are malformed.
 */
export async function openBlobCache(options: BlobCacheOptions): Promise<BlobCache> {
  const filled = BlobCacheOptions.parse(options);
  await mkdir(filled.folder, { recursive: true, mode: 0o700 });
  return new BlobCache(filled);
}

/**
 * Blobs on a disk, a file each under its id, shared by all who use the folder. A file is written aside and renamed, so that
 * what goes by a blob's name is whole; it may still have been damaged since, and is hashed the first time it is opened in
 * each of its states (inode, size, time of change). What is damaged is deleted, and as if it had never been there.
 *
 * Calls are synchronous where they take less than the way to another thread: opening, and reading or writing small files.
 */
export class BlobCache {
  readonly #places: BlobPlaces;
  /** What the cache may take on the disk, in bytes. */
  readonly maxBytes: number;
  readonly #spillFolder: string | undefined;
  readonly #room: CacheRoom;
  readonly #verified = new VerifiedFiles();
  readonly #verifying = new Map<string, Promise<boolean>>();
  /** Blobs whose files must stay where they are, and for how many. */
  readonly #kept = new Map<Oid, number>();
  readonly #watchers = new Set<VerifiedWatcher>();
  readonly #owner = randomUUID();
  #drafts = 0;
  #puttingSlowly: Promise<unknown> = Promise.resolve();

  /** @internal Use `openBlobCache`. */
  constructor({ folder, maxBytes, spillFolder }: FilledBlobCacheOptions) {
    this.#places = new BlobPlaces(folder);
    this.maxBytes = maxBytes;
    this.#spillFolder = spillFolder;
    this.#room = new CacheRoom(folder, maxBytes, (oid) => this.#kept.has(oid));
    this.#room.count();
  }

  /** What the cache takes on the disk, in bytes, as far as it is known here. */
  get bytes(): number {
    return this.#room.bytes;
  }

  /** The wait for room where more came than may stay; whoever puts many blobs waits for it in between. */
  get pressure(): Promise<unknown> | undefined {
    return this.#room.pressure;
  }

  /** Where the files lie. */
  get folder(): string {
    return this.#places.folder;
  }

  /** Tells of each file that is seen to be right, from now on until what is answered is called: others may open it, too. */
  watchVerified(watcher: VerifiedWatcher): () => void {
    this.#watchers.add(watcher);
    return () => void this.#watchers.delete(watcher);
  }

  /** Whether a blob of this size would be kept. */
  keeps(sizeBytes: number): boolean {
    return diskBytes(sizeBytes) <= this.maxBytes;
  }

  /** Whether there is a file for the blob; whether it is sound shows when it is opened. Throws what the disk says. */
  has(oid: Oid): boolean {
    return statSync(this.#places.pathOf(oid), { throwIfNoEntry: false })?.isFile() === true;
  }

  /** Bytes of a blob that is here and was seen to be sound; `undefined` where opening it would tell. */
  verifiedBytes(oid: Oid): number | undefined {
    if (!this.#verified.knows(oid)) return undefined;
    const stats = statSync(this.#places.pathOf(oid), { throwIfNoEntry: false });
    return stats !== undefined && this.#verified.has(oid, stats) ? stats.size : undefined;
  }

  /** Opens a blob; `undefined` where it is not here, or was damaged. Throws what the disk says. */
  open(oid: Oid, options: OpenBlobOptions = {}): CachedBlob | undefined | Promise<CachedBlob | undefined> {
    const path = this.#places.pathOf(oid);
    // Asking first is cheaper than an error.
    if (statSync(path, { throwIfNoEntry: false }) === undefined) return undefined;
    const fd = openFile(path);
    if (fd === undefined) return undefined;
    let stats: Stats;
    let verdict: boolean | Promise<boolean>;
    try {
      stats = fstatSync(fd);
      verdict = this.#isSound(oid, fd, stats, options.sizeBytes);
    } catch (error) {
      closeSync(fd);
      throw error;
    }
    const conclude = (isSound: boolean): CachedBlob | undefined => {
      if (isSound) {
        this.#noteVerified(oid, stats);
        return this.#opened(oid, fd, stats, path, options);
      }
      closeSync(fd);
      this.#discard(oid, path, stats);
      return undefined;
    };
    if (typeof verdict === "boolean") return conclude(verdict);
    return verdict.then(conclude, (error: unknown) => {
      closeSync(fd);
      throw error;
    });
  }

  /**
   * Keeps a blob whose id its content is known to have; one that is too large for the cache is there for those who wait.
   * Throws `MOUNT_CACHE_FULL` where the disk is full, the spill folder's too, and what else the disk says.
   */
  put(oid: Oid, content: Uint8Array): BlobLanding | Promise<BlobLanding> {
    if (content.length > AT_ONCE_BYTES) return this.#putSlowly(oid, content);
    const path = this.#draftPath(oid);
    let fd: number | undefined;
    try {
      fd = openSync(path, "wx", 0o600);
      for (let at = 0; at < content.length; ) at += writeSync(fd, content, at, content.length - at, at);
      return this.#land({ oid, path, fd, sizeBytes: content.length }, this.keeps(content.length));
    } catch (error) {
      this.#abandon(path, fd);
      if (!isDiskFull(error) && !this.#isDeleted(error)) throw error;
      return this.#putSlowly(oid, content);
    }
  }

  /** Starts a blob that comes in pieces. Throws what the disk says. */
  begin(oid: Oid, sizeBytes: number): BlobDraft {
    const host: DraftHost = {
      makeRoom: async (bytes) => (await this.#room.free(bytes)).count > 0,
      land: (draft) => this.#land(draft, this.keeps(draft.sizeBytes)),
      drop: (path) => rmSync(path, { force: true }),
    };
    try {
      return new BlobDraft(host, this.#draftPath(oid), oid, sizeBytes);
    } catch (error) {
      if (!this.#isDeleted(error)) throw error;
      return new BlobDraft(host, this.#draftPath(oid), oid, sizeBytes);
    }
  }

  /**
   * Keeps a content that comes in pieces and is nobody's blob: by the id that it would have as one, which is known when all of it is here.
   * @param about some id, for the name of its file until then
   * Throws what `pieces` throws, `MOUNT_CACHE_FULL`, and what the disk says; nothing of it is left then.
   */
  async putPieces(
    format: ObjectFormat,
    about: Oid,
    pieces: AsyncIterable<Uint8Array>,
  ): Promise<{ readonly oid: Oid; readonly landing: BlobLanding }> {
    const path = this.#draftPath(about);
    let fd: number | undefined;
    try {
      fd = openSync(path, "wx+", 0o600);
      let sizeBytes = 0;
      for await (const piece of pieces) {
        for (let at = 0; at < piece.length; ) {
          const written = await this.#writeWhereRoom(about, fd, piece.subarray(at), sizeBytes);
          at += written;
          sizeBytes += written;
        }
      }
      const oid = await oidOfFile(fd, sizeBytes, format);
      this.#places.makeFor(oid);
      return { oid, landing: this.#land({ oid, path, fd, sizeBytes }, this.keeps(sizeBytes)) };
    } catch (error) {
      this.#abandon(path, fd);
      throw error;
    }
  }

  /** Removes what was used longest ago, until the cache takes at most `maxBytes`. Throws what the disk says. */
  evict(maxBytes: number = this.maxBytes): Promise<Evicted> {
    return this.#room.evict(maxBytes);
  }

  #noteVerified(oid: Oid, file: FileIdentity): void {
    this.#verified.add(oid, file);
    for (const watcher of this.#watchers) watcher(oid, file);
  }

  #draftPath(oid: Oid, folder?: string): string {
    const suffix = `.${this.#owner}-${this.#drafts++}.draft`;
    return folder === undefined ? this.#places.draftPathOf(oid, suffix) : join(folder, `${oid}${suffix}`);
  }

  /** Whether somebody has deleted the folder: it is made again with the next blob. */
  #isDeleted(error: unknown): boolean {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") return false;
    this.#places.forget();
    return true;
  }

  /** Whether the file is the blob: known, or by its hash. */
  #isSound(oid: Oid, fd: number, stats: Stats, sizeBytes: number | undefined): boolean | Promise<boolean> {
    if (!stats.isFile() || (sizeBytes !== undefined && stats.size !== sizeBytes)) return false;
    if (this.#verified.has(oid, stats)) return true;
    const state = `${oid} ${stats.ino} ${stats.size} ${stats.mtimeMs}`;
    const running = this.#verifying.get(state);
    if (running !== undefined) return running;
    const verdict = isBlob(fd, stats.size, oid);
    if (typeof verdict === "boolean") return verdict && isUnchanged(fd, stats);
    const verifying = verdict
      .then((isSound) => isSound && isUnchanged(fd, stats))
      .finally(() => this.#verifying.delete(state));
    this.#verifying.set(state, verifying);
    return verifying;
  }

  #opened(oid: Oid, fd: number, stats: Stats, path: string, { keepPath }: OpenBlobOptions): CachedBlob {
    noteUse(fd, stats);
    if (keepPath !== true) return wholeBlob(oid, fd, stats.size);
    this.#kept.set(oid, (this.#kept.get(oid) ?? 0) + 1);
    const onRelease = (): void => {
      const left = (this.#kept.get(oid) ?? 1) - 1;
      if (left === 0) this.#kept.delete(oid);
      else this.#kept.set(oid, left);
    };
    return wholeBlob(oid, fd, stats.size, { path, onRelease });
  }

  /** Deletes a damaged file, unless another one has taken its place. */
  #discard(oid: Oid, path: string, { ino }: Stats): void {
    this.#verified.forget(oid);
    const stats = statSync(path, { throwIfNoEntry: false });
    if (stats?.ino === ino) rmSync(path, { force: true, recursive: true });
  }

  /**
   * Puts without blocking anybody, and where the disk is full after room was made, or on another disk. One at a time: on a full disk
   * the drafts of many would take what each of them has made room for.
   */
  #putSlowly(oid: Oid, content: Uint8Array): Promise<BlobLanding> {
    const putting = this.#puttingSlowly.then(() => this.#putAfterOthers(oid, content));
    this.#puttingSlowly = putting.catch(() => undefined);
    return putting;
  }

  async #putAfterOthers(oid: Oid, content: Uint8Array): Promise<BlobLanding> {
    const isKept = this.keeps(content.length);
    try {
      return await this.#write(oid, content, this.#draftPath(oid), isKept);
    } catch (error) {
      if (!isDiskFull(error)) throw error;
    }
    try {
      await this.#room.free(content.length);
      return await this.#write(oid, content, this.#draftPath(oid), isKept);
    } catch (cause) {
      if (!isDiskFull(cause)) throw cause;
      const full = new MountError("MOUNT_CACHE_FULL", `no space for blob ${oid}`, { cause, oid });
      if (this.#spillFolder === undefined) throw full;
      return this.#write(oid, content, this.#draftPath(oid, this.#spillFolder), false).catch(
        (error: unknown) => {
          throw isDiskFull(error) ? full : error;
        },
      );
    }
  }

  async #write(oid: Oid, content: Uint8Array, path: string, isKept: boolean): Promise<BlobLanding> {
    let fd: number | undefined;
    try {
      fd = openSync(path, "wx", 0o600);
      for (let at = 0; at < content.length; ) {
        const length = Math.min(content.length - at, AT_ONCE_BYTES);
        at += (await write(fd, content, at, length, at)).bytesWritten;
      }
      return this.#land({ oid, path, fd, sizeBytes: content.length }, isKept);
    } catch (error) {
      this.#abandon(path, fd);
      throw error;
    }
  }

  /** Writes some of it. Throws MOUNT_CACHE_FULL. */
  async #writeWhereRoom(about: Oid, fd: number, bytes: Uint8Array, at: number): Promise<number> {
    for (;;) {
      try {
        return (await write(fd, bytes, 0, bytes.length, at)).bytesWritten;
      } catch (cause) {
        if (!isDiskFull(cause)) throw cause;
        if ((await this.#room.free(bytes.length)).count > 0) continue;
        throw new MountError("MOUNT_CACHE_FULL", `no space for what ${about} becomes`, { cause, oid: about });
      }
    }
  }

  #abandon(path: string, fd: number | undefined): void {
    if (fd !== undefined) closeSync(fd);
    rmSync(path, { force: true });
  }

  /** Gives a finished file the blob's name, or leaves it where it is until those who wait have opened it. */
  #land(
    { oid, path, fd, sizeBytes }: { oid: Oid; path: string; fd: number; sizeBytes: number },
    isKept: boolean,
  ): BlobLanding {
    let place = path;
    if (isKept) {
      const now = Date.now();
      touch(fd, now, now);
      const stats = fstatSync(fd);
      place = this.#places.pathOf(oid);
      renameSync(path, place);
      this.#noteVerified(oid, stats);
      this.#room.add(diskBytes(sizeBytes));
    }
    return {
      sizeBytes,
      open: (options = {}) => {
        // Another process may have evicted it this very moment; what is open stays.
        const opened = openFile(place) ?? openSync(`/proc/self/fd/${fd}`, "r");
        return isKept
          ? this.#opened(oid, opened, fstatSync(opened), place, options)
          : wholeBlob(oid, opened, sizeBytes);
      },
      [Symbol.dispose]: () => {
        closeSync(fd);
        if (!isKept) rmSync(path, { force: true });
      },
    };
  }
}

function isUnchanged(fd: number, { size, mtimeMs }: Stats): boolean {
  const stats = fstatSync(fd);
  return stats.size === size && stats.mtimeMs === mtimeMs;
}
