import { createHash } from "node:crypto";
import { setImmediate } from "node:timers/promises";
import { type ObjectFormat, type Oid, oidFromBytes } from "@millrace/pack";
import type { OverlayStore } from "./overlay-store.ts";
import type { OverlayNode } from "./row.ts";

const CHUNK_BYTES = 256 << 10;
/** How much is hashed before others get their turn. */
const TURN_BYTES = 1 << 20;
/** What opening a file costs, in bytes that could be hashed meanwhile. */
const FILE_BYTES = 32 << 10;

/** Compares contents that are here to blobs, one after the other, and lets others have their turn. */
export class ContentComparer {
  readonly #store: OverlayStore;
  readonly #format: ObjectFormat;
  readonly #signal: AbortSignal;
  #last: Promise<unknown> = Promise.resolve();
  #turnBytes = 0;

  /** @param signal ends comparing: nothing is looked at any more */
  constructor(store: OverlayStore, format: ObjectFormat, signal: AbortSignal) {
    this.#store = store;
    this.#format = format;
    this.#signal = signal;
  }

  /** Whether a file or link has the content of a blob. One that is changed meanwhile has one or the other. */
  async isBlob(node: OverlayNode, oid: Oid): Promise<boolean> {
    const comparing = this.#last.then(async () => (await this.#oidOf(node)) === oid);
    this.#last = comparing.catch(() => undefined);
    return await comparing;
  }

  async #oidOf({ id, target, sizeBytes = 0 }: OverlayNode): Promise<Oid> {
    const hash = createHash(this.#format).update(Buffer.from(`blob ${target?.length ?? sizeBytes}\0`));
    await this.#turn(FILE_BYTES);
    if (target !== undefined) hash.update(Buffer.from(target, "latin1"));
    else
      for (let at = 0; at < sizeBytes; at += CHUNK_BYTES) {
        const now = this.#store.node(id);
        // Gone, or another content by now: whatever is told of it counts for nothing.
        if (now === undefined || now.oid !== undefined) break;
        hash.update(this.#store.contents.read(id, at, Math.min(CHUNK_BYTES, sizeBytes - at)));
        await this.#turn(CHUNK_BYTES);
      }
    return oidFromBytes(hash.digest(), 0, this.#format);
  }

  async #turn(bytes: number): Promise<void> {
    this.#turnBytes += bytes;
    if (this.#turnBytes >= TURN_BYTES) {
      this.#turnBytes = 0;
      await setImmediate();
    }
    this.#signal.throwIfAborted();
  }
}
