import { type ObjectFormat, type Oid, oidFromBytes, type VisitedObject } from "@millrace/pack";
import { PieceQueue } from "./piece-queue.ts";
import type { GitObject } from "./source/object-source.ts";

/** Takes objects as they come, before the pack is kept that they come in. */
export interface ObjectTaker {
  /** An object that is whole and has this id. What is answered is waited for before more is read. */
  whole(oid: Oid, object: GitObject): void | Promise<void>;
  /** An object that came along and was not asked for; its content is valid until this returns. */
  along?: ((oid: Oid, object: GitObject) => void) | undefined;
  /**
   * A large blob in pieces, which are the taker's: while it arrives, where it was asked for alone. Whether it has this id is for
   * the taker to see at its end. Iterating throws what the fetch throws.
   */
  pieces(oid: Oid, sizeBytes: number, content: AsyncIterable<Uint8Array>): Promise<void>;
}

/**
 * Hands a fetch's objects over while they arrive, each once, however often the fetch has to begin again; a blob in pieces goes on
 * where it broke off.
 */
export class Handover {
  readonly #taker: ObjectTaker;
  readonly #format: ObjectFormat;
  /** What was neither handed over nor begun. */
  readonly #open: Set<Oid>;
  /** A blob that nothing else can be taken for. */
  readonly #alone: Oid | undefined;
  #stream: { readonly queue: PieceQueue; readonly done: Promise<void>; pushedBytes: number } | undefined;
  #arrivedBytes = 0;
  /** What the taker is not done with. */
  #waits: Promise<void>[] = [];

  constructor(taker: ObjectTaker, wants: Iterable<Oid>, format: ObjectFormat) {
    this.#taker = taker;
    this.#format = format;
    this.#open = new Set(wants);
    this.#alone = this.#open.size === 1 ? [...this.#open][0] : undefined;
  }

  /** What has not been handed over yet. */
  get open(): ReadonlySet<Oid> {
    return this.#open;
  }

  /** A pack from its first byte on, read no faster than the taker takes. Throws what the taker throws. */
  async *paced(pack: AsyncIterable<Uint8Array>): AsyncGenerator<Uint8Array, void, undefined> {
    this.#arrivedBytes = 0;
    for await (const chunk of pack) {
      yield chunk;
      await this.#settle();
    }
  }

  /** As `indexPack` calls it. */
  visit({ type, oid, content }: VisitedObject): void {
    if (content === undefined) {
      this.#stream?.queue.end();
      return;
    }
    const id = oidFromBytes(oid, 0, this.#format);
    if (!this.#open.delete(id)) {
      this.#taker.along?.(id, { type, content });
      return;
    }
    const wait = this.#taker.whole(id, { type, content: content.slice() });
    if (wait !== undefined) this.#waits.push(wait);
  }

  /** As `indexPack` calls it. */
  visitPiece(sizeBytes: number, piece: Uint8Array): void {
    if (this.#alone === undefined) return;
    if (this.#stream === undefined) {
      const queue = new PieceQueue();
      this.#open.delete(this.#alone);
      const done = this.#taker.pieces(this.#alone, sizeBytes, queue);
      done.catch(() => undefined);
      this.#stream = { queue, done, pushedBytes: 0 };
    }
    const stream = this.#stream;
    const fresh = piece.subarray(Math.max(0, stream.pushedBytes - this.#arrivedBytes));
    this.#arrivedBytes += piece.length;
    if (fresh.length === 0) return;
    stream.queue.push(fresh.slice());
    stream.pushedBytes += fresh.length;
  }

  /** Nothing more arrives; waits for the taker. Throws what the taker throws. */
  async finish(): Promise<void> {
    this.#stream?.queue.end();
    await this.#settle();
    await this.#stream?.done;
  }

  /** The fetch has failed for good. */
  fail(error: unknown): void {
    this.#stream?.queue.fail(error);
  }

  async #settle(): Promise<void> {
    await this.#stream?.queue.drained();
    if (this.#waits.length > 0) await Promise.all(this.#waits.splice(0));
  }
}
