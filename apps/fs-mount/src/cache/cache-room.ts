import { rm } from "node:fs/promises";
import { join } from "node:path";
import type { Oid } from "@millrace/pack";
import { type FoundBlob, survey } from "./survey.ts";

/** What was removed. */
export interface Evicted {
  readonly count: number;
  /** On the disk. */
  readonly bytes: number;
}

/** Makes room for more than one blob, so that not each one counts them all. */
const ROOM_SHARE = 0.1;

/**
 * Keeps a cache within its bound. What others put into the same folder is seen whenever all is counted: at the start, each
 * time a tenth of the bound was added, and when the bound is passed.
 */
export class CacheRoom {
  readonly #folder: string;
  readonly #maxBytes: number;
  readonly #isKept: (oid: Oid) => boolean;
  #bytes: number | undefined;
  #addedBytes = 0;
  #tidying: Promise<Evicted> | undefined;

  /** `isKept` tells of blobs whose files must stay. */
  constructor(folder: string, maxBytes: number, isKept: (oid: Oid) => boolean) {
    this.#folder = folder;
    this.#maxBytes = maxBytes;
    this.#isKept = isKept;
  }

  /** What the cache takes on the disk, as far as it is known here. */
  get bytes(): number {
    return this.#bytes ?? this.#addedBytes;
  }

  /** The wait for room, where the bound is passed: whoever adds much waits for it. */
  get pressure(): Promise<unknown> | undefined {
    return this.bytes > this.#maxBytes ? this.#tidying : undefined;
  }

  /** So many bytes joined the cache. */
  add(bytes: number): void {
    this.#addedBytes += bytes;
    if (this.#bytes !== undefined) this.#bytes += bytes;
    const isDue = this.bytes > this.#maxBytes || this.#addedBytes > this.#maxBytes * ROOM_SHARE;
    if (isDue) this.count();
  }

  /** Counts all and removes what is too much, unless that is under way; nobody waits. */
  count(): void {
    // A disk that cannot be listed is no fault of whoever adds.
    if (this.#tidying === undefined) this.#tidy(this.#maxBytes).catch(() => undefined);
  }

  /** Removes what was used longest ago, until the cache takes `maxBytes` at most. Throws what the disk says. */
  async evict(maxBytes: number): Promise<Evicted> {
    await this.#tidying?.catch(() => undefined);
    return this.#tidy(maxBytes);
  }

  /** Removes what was used longest ago, until so many bytes are free that were not. Throws what the disk says. */
  async free(bytes: number): Promise<Evicted> {
    await this.#tidying?.catch(() => undefined);
    return this.#remove((_held, freed) => freed >= bytes);
  }

  #tidy(maxBytes: number): Promise<Evicted> {
    // From this much on room is made, and then some more.
    const enough = maxBytes < this.#maxBytes ? maxBytes : maxBytes * (1 - ROOM_SHARE);
    let isOver: boolean | undefined;
    this.#tidying = this.#remove((held) => {
      isOver ??= held > maxBytes;
      return !isOver || held <= enough;
    }).finally(() => {
      this.#tidying = undefined;
    });
    return this.#tidying;
  }

  /** Removes the oldest, one after the other, until `isEnough(bytes held, bytes freed)`. */
  async #remove(isEnough: (held: number, freed: number) => boolean): Promise<Evicted> {
    this.#addedBytes = 0;
    const found = await survey(this.#folder);
    // What was added while they were counted may have been missed; counted twice it does no harm.
    const counted = this.#addedBytes;
    let held = counted + found.reduce((sum, blob) => sum + blob.diskBytes, 0);
    let bytes = 0;
    let count = 0;
    if (!isEnough(held, bytes)) {
      for (const blob of found.sort((a: FoundBlob, b: FoundBlob) => a.usedMs - b.usedMs)) {
        if (this.#isKept(blob.oid)) continue;
        await rm(join(this.#folder, blob.oid.slice(0, 1), blob.oid), { force: true });
        held -= blob.diskBytes;
        bytes += blob.diskBytes;
        count++;
        if (isEnough(held, bytes)) break;
      }
    }
    this.#bytes = held + this.#addedBytes - counted;
    return { count, bytes };
  }
}
