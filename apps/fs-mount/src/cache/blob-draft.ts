import { closeSync, openSync, write as writeCallback } from "node:fs";
import { promisify } from "node:util";
import { createObjectHasher, type Hasher, type Oid, oidFromBytes } from "@millrace/pack";
import { MountError } from "../errors.ts";
import type { BlobLanding } from "./blob-cache.ts";
import { isDiskFull } from "./disk-full.ts";
import { type CachedBlob, releaseOnce } from "./open-blob.ts";
import { RangeWaits } from "./range-waits.ts";
import { formatOfOid } from "./verify-blob.ts";

const write = promisify(writeCallback);

/** What a draft needs of the cache that it is for. */
export interface DraftHost {
  /** Frees space on the disk; answers whether there was any to free. */
  makeRoom(bytes: number): Promise<boolean>;
  /** Takes the finished file and its descriptor, unless it throws. */
  land(draft: {
    readonly oid: Oid;
    readonly path: string;
    readonly fd: number;
    readonly sizeBytes: number;
  }): BlobLanding;
  /** The draft came to nothing: its descriptor is closed, its file is to go. */
  drop(path: string): void;
}

/**
 * A blob that arrives in pieces. It can be opened from the start; readers wait for the ranges that they need. Its content is
 * hashed on the way, and it joins the cache only when that is right.
 */
export class BlobDraft {
  readonly oid: Oid;
  readonly sizeBytes: number;
  readonly #path: string;
  readonly #fd: number;
  readonly #host: DraftHost;
  readonly #hasher: Hasher;
  readonly #waits = new RangeWaits();
  #writtenBytes = 0;
  #isWriting = false;
  #isVerified = false;
  #failure: { readonly error: unknown } | undefined;

  /** @throws what opening the file throws. */
  constructor(host: DraftHost, path: string, oid: Oid, sizeBytes: number) {
    this.oid = oid;
    this.sizeBytes = sizeBytes;
    this.#host = host;
    this.#path = path;
    this.#fd = openSync(path, "wx", 0o600);
    // What comes from outside is looked at for SHA-1 collisions, as git does.
    this.#hasher = createObjectHasher(formatOfOid(oid), "blob", sizeBytes, { detectCollisions: true });
  }

  /**
   * Opens the blob as far as it is here. Its last byte is not given before the whole is verified: nobody reads a damaged blob
   * to its end. Throws what ended it, and what opening the file throws.
   */
  open(): CachedBlob {
    this.#throwIfEnded();
    const fd = openSync(this.#path, "r");
    const release = releaseOnce(fd);
    return {
      oid: this.oid,
      fd,
      sizeBytes: this.sizeBytes,
      readable: (endBytes, signal) => this.#readable(endBytes, signal),
      release,
      [Symbol.dispose]: release,
    };
  }

  /**
   * Appends bytes, which are the caller's again when this resolves.
   * Throws `MOUNT_BLOB_DAMAGED` where there are too many, `MOUNT_CACHE_FULL`, and what the disk says; the draft is gone then.
   */
  async write(chunk: Uint8Array): Promise<void> {
    this.#throwIfEnded();
    try {
      if (this.#writtenBytes + chunk.length > this.sizeBytes) throw this.#damaged("is longer than was said");
      this.#hasher.update(chunk);
      for (let at = 0; at < chunk.length; ) at += await this.#put(chunk.subarray(at));
    } catch (error) {
      this.fail(error);
      throw error;
    }
    this.#waits.reach(Math.min(this.#writtenBytes, this.sizeBytes - 1));
  }

  /** All was written. Throws `MOUNT_BLOB_DAMAGED` where it is not the blob, and what the disk says; the draft is gone then. */
  finish(): BlobLanding {
    this.#throwIfEnded();
    try {
      if (this.#writtenBytes !== this.sizeBytes) throw this.#damaged("ends too early");
      if (oidFromBytes(this.#hasher.digest(), 0, formatOfOid(this.oid)) !== this.oid) {
        throw this.#damaged("is another");
      }
      const { oid, sizeBytes } = this;
      const landing = this.#host.land({ oid, path: this.#path, fd: this.#fd, sizeBytes });
      this.#isVerified = true;
      this.#waits.reach(sizeBytes);
      return landing;
    } catch (error) {
      this.fail(error);
      throw error;
    }
  }

  /** Gives up: whoever waits for a range is told the reason. Nothing happens to a draft that has ended. */
  fail(error: unknown): void {
    if (this.#isVerified || this.#failure !== undefined) return;
    this.#failure = { error };
    // A write under way needs the descriptor: its number must not become another file's before.
    if (!this.#isWriting) closeSync(this.#fd);
    this.#host.drop(this.#path);
    this.#waits.fail(error);
  }

  async #put(bytes: Uint8Array): Promise<number> {
    let bytesWritten: number;
    try {
      this.#isWriting = true;
      ({ bytesWritten } = await write(this.#fd, bytes, 0, bytes.length, this.#writtenBytes).finally(() => {
        this.#isWriting = false;
        if (this.#failure !== undefined) closeSync(this.#fd);
      }));
    } catch (error) {
      if (!isDiskFull(error)) throw error;
      if (!(await this.#host.makeRoom(this.sizeBytes - this.#writtenBytes))) {
        throw new MountError("MOUNT_CACHE_FULL", `no space for blob ${this.oid}`, {
          cause: error,
          oid: this.oid,
        });
      }
      this.#throwIfEnded();
      return 0;
    }
    this.#throwIfEnded();
    this.#writtenBytes += bytesWritten;
    return bytesWritten;
  }

  async #readable(endBytes: number, signal: AbortSignal | undefined): Promise<void> {
    this.#throwIfEnded();
    const end = Math.min(endBytes, this.sizeBytes);
    if (this.#isVerified || (end <= this.#writtenBytes && end < this.sizeBytes)) return;
    await this.#waits.until(end, signal);
  }

  #throwIfEnded(): void {
    if (this.#failure !== undefined) throw this.#failure.error;
  }

  #damaged(how: string): MountError {
    return new MountError("MOUNT_BLOB_DAMAGED", `what came for blob ${this.oid} ${how}`, { oid: this.oid });
  }
}
