import {
  closeSync,
  fsync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readdirSync,
  readFileSync,
  rmSync,
  writeSync,
} from "node:fs";
import { dirname, join } from "node:path";
import { promisify } from "node:util";
import { crc32 } from "node:zlib";
import { syncFolder } from "../sync-folder.ts";

/** A record's length (of its payload), checksum and number are before it. */
const HEADER_BYTES = 16;
/** Records up to this are made in memory that is used again. */
const RECORD_BYTES = 16 << 10;
const FILE_NAME = /^journal-(\d{16})$/;
const syncFile = promisify(fsync);

/** One file of the journal; its records are numbered on from `first`. */
interface JournalFile {
  readonly path: string;
  readonly fd: number;
  readonly first: number;
}

/** What a journal said when it was opened. */
export interface Replay {
  /** Payloads, each for one change, in their order. */
  readonly payloads: readonly Uint8Array[];
  /** The number of the last one. */
  readonly last: number;
  /** Bytes that were no whole record: a change that was being written, or damage. */
  readonly lostBytes: number;
}

/**
 * Reads the journal of a folder up to the first record that is not whole. What follows that is void, so that what comes out is
 * always what the first so many changes made.
 * @param applied the number of a record that, with all before it, is known elsewhere
 */
export function readJournal(folder: string, applied: number): Replay {
  const payloads: Uint8Array[] = [];
  let last = applied;
  let lostBytes = 0;
  for (const { path } of journalFiles(folder)) {
    const bytes = readFileSync(path);
    let at = 0;
    while (at + HEADER_BYTES <= bytes.length) {
      const end = at + HEADER_BYTES + bytes.readUInt32LE(at);
      if (end > bytes.length || bytes.readUInt32LE(at + 4) !== checksum(bytes.subarray(at, end))) break;
      const number = bytes.readDoubleLE(at + 8);
      if (number > last + 1) break;
      if (number === last + 1) {
        payloads.push(bytes.subarray(at + HEADER_BYTES, end));
        last = number;
      }
      at = end;
    }
    lostBytes += bytes.length - at;
  }
  return { payloads, last, lostBytes };
}

/**
 * Changes in the order in which they were made, each one write to a file that is there when `append` returns: it survives the end
 * of the process, and with `sync` that of the machine. Files are cut off whole from the front.
 */
export class Journal {
  readonly #folder: string;
  readonly #record = Buffer.allocUnsafeSlow(RECORD_BYTES);
  #files: JournalFile[] = [];
  #lengthBytes = 0;
  #last: number;
  /** Files that are being synced are not closed. */
  #syncing: Promise<void> = Promise.resolve();
  #isFolderSynced = false;
  #isNamed = false;

  /** Begins an empty journal in `folder`, with what was in it before removed. @param last the number before that of its first record */
  constructor(folder: string, last: number) {
    this.#folder = folder;
    this.#last = last;
    for (const { path } of journalFiles(folder)) rmSync(path);
    this.#begin();
  }

  /** The number of the newest record. */
  get last(): number {
    return this.#last;
  }

  /** Bytes of the newest file. */
  get lengthBytes(): number {
    return this.#lengthBytes;
  }

  /** Adds a record, all of it or nothing. @throws the error of `node:fs`: ENOSPC where the disk is full */
  append(payload: Uint8Array): void {
    const record = this.#room(HEADER_BYTES + payload.length);
    record.writeUInt32LE(payload.length, 0);
    record.writeDoubleLE(this.#last + 1, 8);
    record.set(payload, HEADER_BYTES);
    record.writeUInt32LE(checksum(record), 4);
    const { fd } = this.#newest();
    try {
      for (let done = 0; done < record.length; )
        done += writeSync(fd, record, done, record.length - done, this.#lengthBytes + done);
    } catch (error) {
      // The next record overwrites what was written of this one; without a next one, it is not whole.
      cutQuietly(fd, this.#lengthBytes);
      throw error;
    }
    this.#lengthBytes += record.length;
    this.#last++;
  }

  /** Goes on in a new file, so that those before can be cut off. @throws the error of `node:fs`; then it goes on in the old one */
  rotate(): void {
    if (this.#lengthBytes > 0) this.#begin();
  }

  /** Removes the files in which no record is newer than `number`. */
  cut(number: number): void {
    const kept = this.#files.filter((_, at) => (this.#files[at + 1]?.first ?? Infinity) > number + 1);
    const gone = this.#files.filter((file) => !kept.includes(file));
    this.#files = kept;
    for (const { path } of gone) rmSync(path, { force: true });
    void this.#syncing.finally(() => {
      for (const { fd } of gone) closeSync(fd);
    });
  }

  /** Puts all records that are there now where they survive a loss of power. @throws the error of `node:fs` */
  async sync(): Promise<void> {
    const before = this.#syncing;
    const syncing = (async (): Promise<void> => {
      await before;
      for (const { fd } of this.#files) await syncFile(fd);
      if (!this.#isFolderSynced) {
        this.#isFolderSynced = true;
        await this.#syncNames().catch((error: unknown) => {
          this.#isFolderSynced = false;
          throw error;
        });
      }
    })();
    this.#syncing = syncing.catch(() => undefined);
    await syncing;
  }

  /** `sync`, at once. */
  syncNow(): void {
    for (const { fd } of this.#files) fsyncSync(fd);
  }

  async close(): Promise<void> {
    await this.#syncing;
    for (const { fd } of this.#files.splice(0)) closeSync(fd);
  }

  /** Of the files, and of the folder itself, which may be as new as they are. */
  async #syncNames(): Promise<void> {
    await syncFolder(this.#folder);
    if (!this.#isNamed) await syncFolder(dirname(this.#folder));
    this.#isNamed = true;
  }

  #begin(): void {
    const path = join(this.#folder, `journal-${String(this.#last + 1).padStart(16, "0")}`);
    this.#files.push({ path, fd: openSync(path, "wx", 0o600), first: this.#last + 1 });
    this.#lengthBytes = 0;
    this.#isFolderSynced = false;
  }

  /** Memory for a record; small ones take turns in the same. */
  #room(lengthBytes: number): Buffer {
    if (lengthBytes > this.#record.length) return Buffer.allocUnsafe(lengthBytes);
    return this.#record.subarray(0, lengthBytes);
  }

  #newest(): JournalFile {
    const file = this.#files.at(-1);
    if (file === undefined) throw new Error("the journal is closed");
    return file;
  }
}

function journalFiles(folder: string): { path: string; first: number }[] {
  return readdirSync(folder)
    .flatMap((name) => {
      const first = FILE_NAME.exec(name)?.[1];
      return first === undefined ? [] : [{ path: join(folder, name), first: Number(first) }];
    })
    .sort((a, b) => a.first - b.first);
}

/** Of all of a record but the checksum's own bytes. */
function checksum(record: Uint8Array): number {
  return crc32(record.subarray(8), crc32(record.subarray(0, 4)));
}

function cutQuietly(fd: number, lengthBytes: number): void {
  try {
    ftruncateSync(fd, lengthBytes);
  } catch {
    // It is only to be tidy.
  }
}
