import { randomBytes } from "node:crypto";
import {
  closeSync,
  constants,
  fstatSync,
  fsync,
  fsyncSync,
  ftruncateSync,
  mkdirSync,
  openSync,
  readdirSync,
  readSync,
  unlinkSync,
  writeSync,
} from "node:fs";
import { chmod, copyFile } from "node:fs/promises";
import { join } from "node:path";
import { promisify } from "node:util";
import { Refusal } from "../view/refusal.ts";
import { syncFolder, syncFolderNow } from "../sync-folder.ts";

/** A content that can be read whole through a descriptor. */
export interface ContentSource {
  readonly fd: number;
  readonly sizeBytes: number;
}

/** Descriptors that stay open; more files than that are opened anew. */
const MAX_OPEN = 256;
/** Contents up to this are copied at once: handing them to another thread costs as much. */
const COPY_AT_ONCE_BYTES = 1 << 20;
const COPY_CHUNK_BYTES = 1 << 20;
const NAME_BYTES = 16;
const syncFile = promisify(fsync);

/**
 * Files that hold contents, under random names which say nothing of where they show. What a file has behind the size that its node
 * tells is left over from a write that did not come to its end, and is cut off when the file is opened.
 */
export class BackingFiles {
  readonly #folder: string;
  /** In the order of use. */
  readonly #open = new Map<string, number>();
  /** Sub-folders in which there may be names that a loss of power would take. */
  readonly #unsynced = new Set<string>();
  readonly #made = new Set<string>();
  /** Descriptors that are being synced. */
  readonly #pinned = new Map<number, number>();
  #random = Buffer.alloc(0);

  /** @param folder is made */
  constructor(folder: string) {
    this.#folder = folder;
    mkdirSync(folder, { recursive: true, mode: 0o700 });
  }

  /** Makes an empty file. @throws errors of `node:fs`: ENOSPC */
  create(): string {
    const name = this.#newName();
    this.#keep(
      name,
      this.#make(name, (path) => openSync(path, "wx+", 0o600)),
    );
    return name;
  }

  /**
   * Makes a copy: by reference where the disk can, within the system where it can do that.
   * @param sizeBytes how much of the content, from its start
   * @throws errors of `node:fs`: ENOSPC; Refusal EIO where the content is shorter than it says
   */
  copy(source: ContentSource, sizeBytes: number): string | Promise<string> {
    const name = this.#newName();
    if (sizeBytes <= COPY_AT_ONCE_BYTES || sizeBytes < source.sizeBytes) {
      this.#keep(
        name,
        this.#make(name, (path) => openSync(path, "wx+", 0o600)),
      );
      try {
        this.#copyChunks(source.fd, this.#fd(name), sizeBytes);
      } catch (error) {
        this.remove(name);
        throw error;
      }
      return name;
    }
    return this.#copyWhole(name, source);
  }

  /** @param sizeBytes what the node tells @throws errors of `node:fs` */
  read(name: string, sizeBytes: number, offset: number, length: number): Uint8Array {
    const wanted = Math.max(0, Math.min(length, sizeBytes - offset));
    const bytes = Buffer.alloc(wanted);
    const fd = this.open(name, sizeBytes);
    // What the file does not have is a hole at its end.
    for (let done = 0; done < wanted; ) {
      const count = readSync(fd, bytes, done, wanted - done, offset + done);
      if (count === 0) break;
      done += count;
    }
    return bytes;
  }

  /**
   * Writes all it can.
   * @param sizeBytes what the node tells before
   * @returns how much was written: less than all, but not nothing, where the disk is full
   * @throws errors of `node:fs`: ENOSPC
   */
  write(name: string, sizeBytes: number, offset: number, data: Uint8Array): number {
    const fd = this.open(name, sizeBytes);
    let done = 0;
    try {
      while (done < data.length) done += writeSync(fd, data, done, data.length - done, offset + done);
    } catch (error) {
      if (done === 0) throw error;
    }
    return done;
  }

  /** Makes a file as long as its node tells, where it is longer. */
  cut(name: string, sizeBytes: number): void {
    const fd = this.open(name, sizeBytes);
    try {
      if (fstatSync(fd).size > sizeBytes) ftruncateSync(fd, sizeBytes);
    } catch {
      // It is cut when it is opened the next time, before anything of it can show.
      this.#close(name);
    }
  }

  /** A descriptor, valid until the next call. @throws errors of `node:fs`; Refusal EIO where the file is gone */
  open(name: string, sizeBytes: number): number {
    const open = this.#open.get(name);
    if (open !== undefined) {
      this.#open.delete(name);
      this.#open.set(name, open);
      return open;
    }
    const fd = openBacking(this.#path(name));
    try {
      if (fstatSync(fd).size > sizeBytes) ftruncateSync(fd, sizeBytes);
    } catch (error) {
      closeSync(fd);
      throw error;
    }
    this.#keep(name, fd);
    return fd;
  }

  /** Puts a content where it survives a loss of power. @throws errors of `node:fs` */
  async sync(name: string, sizeBytes: number): Promise<void> {
    const fd = this.open(name, sizeBytes);
    this.#pinned.set(fd, (this.#pinned.get(fd) ?? 0) + 1);
    try {
      await syncFile(fd);
    } finally {
      this.#unpin(name, fd);
    }
    const folder = name.slice(0, 2);
    if (!this.#unsynced.delete(folder)) return;
    try {
      await syncFolder(join(this.#folder, folder));
      await syncFolder(this.#folder);
    } catch (error) {
      this.#unsynced.add(folder);
      throw error;
    }
  }

  /** `sync`, at once. */
  syncNow(name: string, sizeBytes: number): void {
    fsyncSync(this.open(name, sizeBytes));
    const folder = name.slice(0, 2);
    if (!this.#unsynced.has(folder)) return;
    syncFolderNow(join(this.#folder, folder));
    syncFolderNow(this.#folder);
    this.#unsynced.delete(folder);
  }

  remove(name: string): void {
    this.#close(name);
    try {
      unlinkSync(this.#path(name));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    }
  }

  /** Removes what is none of `kept`. */
  sweep(kept: ReadonlySet<string>): void {
    for (const folder of readdirSync(this.#folder))
      for (const name of readdirSync(join(this.#folder, folder))) if (!kept.has(name)) this.remove(name);
  }

  close(): void {
    for (const name of this.#open.keys()) this.#close(name);
  }

  async #copyWhole(name: string, source: ContentSource): Promise<string> {
    const path = this.#make(name, (made) => made);
    try {
      await copyFile(
        `/proc/self/fd/${source.fd}`,
        path,
        constants.COPYFILE_FICLONE | constants.COPYFILE_EXCL,
      );
      await chmod(path, 0o600);
      const fd = this.open(name, Infinity);
      if (fstatSync(fd).size !== source.sizeBytes) throw new Refusal("EIO");
    } catch (error) {
      this.remove(name);
      throw error;
    }
    return name;
  }

  #copyChunks(from: number, to: number, sizeBytes: number): void {
    const chunk = Buffer.allocUnsafe(Math.min(COPY_CHUNK_BYTES, sizeBytes));
    for (let at = 0; at < sizeBytes; ) {
      const count = readSync(from, chunk, 0, Math.min(chunk.length, sizeBytes - at), at);
      if (count === 0) throw new Refusal("EIO");
      for (let done = 0; done < count; ) done += writeSync(to, chunk, done, count - done, at + done);
      at += count;
    }
  }

  /** Calls `make`, with the sub-folder made where there is none. */
  #make<T>(name: string, make: (path: string) => T): T {
    const folder = name.slice(0, 2);
    this.#unsynced.add(folder);
    if (!this.#made.has(folder)) mkdirSync(join(this.#folder, folder), { recursive: true, mode: 0o700 });
    this.#made.add(folder);
    return make(this.#path(name));
  }

  #keep(name: string, fd: number): void {
    this.#open.set(name, fd);
    if (this.#open.size <= MAX_OPEN) return;
    const [oldest] = this.#open.keys();
    if (oldest !== undefined) this.#close(oldest);
  }

  #fd(name: string): number {
    return this.open(name, Infinity);
  }

  #close(name: string): void {
    const fd = this.#open.get(name);
    if (fd === undefined) return;
    this.#open.delete(name);
    // Whoever syncs it closes it then.
    if (!this.#pinned.has(fd)) closeSync(fd);
  }

  #unpin(name: string, fd: number): void {
    const count = (this.#pinned.get(fd) ?? 1) - 1;
    if (count > 0) {
      this.#pinned.set(fd, count);
      return;
    }
    this.#pinned.delete(fd);
    if (this.#open.get(name) !== fd) closeSync(fd);
  }

  #path(name: string): string {
    return `${this.#folder}/${name.slice(0, 2)}/${name}`;
  }

  #newName(): string {
    if (this.#random.length < NAME_BYTES) this.#random = randomBytes(NAME_BYTES * 256);
    const name = this.#random.subarray(0, NAME_BYTES).toString("hex");
    this.#random = this.#random.subarray(NAME_BYTES);
    return name;
  }
}

/** The beginning of a content. @throws Refusal EIO where it is shorter; errors of `node:fs` */
export function readSource({ fd }: ContentSource, sizeBytes: number): Uint8Array {
  const bytes = Buffer.allocUnsafe(sizeBytes);
  for (let at = 0; at < sizeBytes; ) {
    const count = readSync(fd, bytes, at, sizeBytes - at, at);
    if (count === 0) throw new Refusal("EIO");
    at += count;
  }
  return bytes;
}

function openBacking(path: string): number {
  try {
    return openSync(path, "r+");
  } catch (error) {
    // A loss of power took it: it was never synced.
    if ((error as NodeJS.ErrnoException).code === "ENOENT") throw new Refusal("EIO");
    throw error;
  }
}
