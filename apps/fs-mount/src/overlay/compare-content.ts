import { createHash } from "node:crypto";
import { setImmediate } from "node:timers/promises";
import { hashObject, type ObjectFormat, type Oid, oidFromBytes } from "@millrace/pack";
import { detailOf, objectOf } from "../filters/content-id.ts";
import { type Conversion, parseConversion } from "../filters/conversion.ts";
import type { OverlayStore } from "./overlay-store.ts";
import type { OverlayNode } from "./row.ts";

const CHUNK_BYTES = 256 << 10;
/** How much is hashed before others get their turn. */
const TURN_BYTES = 1 << 20;
/** What opening a file costs, in bytes that could be hashed meanwhile. */
const FILE_BYTES = 32 << 10;
/** Larger ones are not looked at as git would add them: they count as changed. */
const MAX_CLEANED_BYTES = 64 << 20;

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

  /**
   * Whether git would say that a file or link is what the base has: that it is the blob, or becomes it when it is added. One that is
   * changed meanwhile has one or the other.
   */
  async isContent(node: OverlayNode, id: Oid): Promise<boolean> {
    const comparing = this.#last.then(async () => {
      const [blob, detail] = [objectOf(id), detailOf(id)];
      if ((await this.#oidOf(node)) === blob) return true;
      return detail !== undefined && (await this.#becomes(node, blob, parseConversion(detail)));
    });
    this.#last = comparing.catch(() => undefined);
    return await comparing;
  }

  async #becomes({ id, sizeBytes = 0 }: OverlayNode, blob: Oid, conversion: Conversion): Promise<boolean> {
    if (sizeBytes > MAX_CLEANED_BYTES || !this.#isHere(id)) return false;
    await this.#turn(sizeBytes);
    // Few trees ask for conversions, and this thread is to start soon.
    const { cleanWhole } = await import("../filters/convert.ts");
    if (!this.#isHere(id)) return false;
    const cleaned = cleanWhole(this.#store.contents.read(id, 0, sizeBytes), conversion);
    return oidFromBytes(hashObject(this.#format, "blob", cleaned), 0, this.#format) === blob;
  }

  /** Gone, or another content by now: whatever is told of it counts for nothing. */
  #isHere(id: number): boolean {
    const now = this.#store.node(id);
    return now !== undefined && now.oid === undefined;
  }

  async #oidOf({ id, target, sizeBytes = 0 }: OverlayNode): Promise<Oid> {
    const hash = createHash(this.#format).update(Buffer.from(`blob ${target?.length ?? sizeBytes}\0`));
    await this.#turn(FILE_BYTES);
    if (target !== undefined) hash.update(Buffer.from(target, "latin1"));
    else
      for (let at = 0; at < sizeBytes; at += CHUNK_BYTES) {
        if (!this.#isHere(id)) break;
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
