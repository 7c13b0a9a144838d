import { setTimeout } from "node:timers/promises";
import type { Oid } from "@millrace/pack";
import type { SharedPromisor } from "@millrace/promisor";
import { MountError } from "../errors.ts";

/** Whose trees, and how long they may take. */
export interface MountedTreesOptions {
  readonly objects: SharedPromisor;
  readonly commit: Oid;
  /** After so long who waits for a tree is told that it does not come, in milliseconds. Default: two minutes. */
  readonly patienceMs?: number | undefined;
  /** How long a tree may still come with all others before it is asked for by itself, in milliseconds. */
  readonly graceMs?: number | undefined;
}

const PATIENCE_MS = 120_000;
const GRACE_MS = 50;

/**
 * The trees of the mounted commit. Its root comes first, and all others in one request behind the mount; whoever looks into a directory
 * meanwhile waits for its tree, which is asked for ahead of them. Trees of other commits are fetched as they are asked for.
 */
export class MountedTrees {
  readonly #objects: SharedPromisor;
  readonly #commit: Oid;
  readonly #patienceMs: number;
  readonly #graceMs: number;
  readonly #closing = new AbortController();
  /** All of them, on their way. */
  #arrival: Promise<void> | undefined;
  /** Trees that were asked for meanwhile, and the request that they will leave in. */
  #asked = new Set<Oid>();
  #next: Promise<void> | undefined;
  #last: Promise<unknown> = Promise.resolve();

  constructor({ objects, commit, patienceMs = PATIENCE_MS, graceMs = GRACE_MS }: MountedTreesOptions) {
    this.#objects = objects;
    this.#commit = commit;
    this.#patienceMs = patienceMs;
    this.#graceMs = graceMs;
  }

  /**
   * The content of a tree, for somebody who waits for this one.
   * @throws MountError MOUNT_FETCH_STALLED behind `patienceMs`; what the fetch throws
   */
  async read(oid: Oid): Promise<Uint8Array> {
    if (!(await this.#isHere(oid))) {
      const patience = new AbortController();
      const late = setTimeout(this.#patienceMs, undefined, { signal: patience.signal }).then(() => {
        const message = `the tree ${oid} did not come for ${this.#patienceMs} ms`;
        throw new MountError("MOUNT_FETCH_STALLED", message, { oid });
      });
      late.catch(() => undefined);
      try {
        await Promise.race([this.#bring(oid, patience.signal), late]);
      } finally {
        patience.abort();
      }
    }
    return await this.#content(oid);
  }

  /** The content of a tree, for whoever looks at all of them: where one is not here, all are fetched. Throws what the fetch throws. */
  async reach(oid: Oid, signal?: AbortSignal): Promise<Uint8Array> {
    if (!(await this.#isHere(oid))) await this.#bringAll(signal);
    return await this.#content(oid, signal);
  }

  /** Whether a tree can be read without asking anybody, as far as is known without a look at the disk. */
  isAtHand(oid: Oid): boolean {
    return this.#objects.isHere(oid);
  }

  /** Ends what is on its way, and waits for that. */
  async close(): Promise<void> {
    this.#closing.abort(new MountError("MOUNT_STOPPED", "the mount has ended"));
    await Promise.allSettled([this.#arrival, this.#last]);
  }

  async #content(oid: Oid, signal?: AbortSignal): Promise<Uint8Array> {
    return (await this.#objects.resolve(oid, { signal })).content;
  }

  async #isHere(oid: Oid): Promise<boolean> {
    return this.#objects.isHere(oid) || (await this.#objects.missing([oid])).length === 0;
  }

  async #bringAll(signal: AbortSignal | undefined): Promise<void> {
    const stop = this.#closing.signal;
    const ends = signal === undefined ? stop : AbortSignal.any([signal, stop]);
    this.#arrival ??= this.#objects
      .fetchWithFilter([this.#commit], { filter: "blob:none", depth: 1, signal: ends })
      .finally(() => (this.#arrival = undefined));
    await this.#arrival;
  }

  async #bring(oid: Oid, signal: AbortSignal): Promise<void> {
    if (this.#arrival !== undefined) {
      try {
        await Promise.any([this.#arrival, this.#askFor(oid)]);
      } catch (error) {
        throw (error as AggregateError).errors[0];
      }
    }
    await this.#objects.resolve(oid, { signal });
  }

  /** Asks for a tree ahead of all others: what is asked for in one moment by one request, and one request at a time. */
  #askFor(oid: Oid): Promise<void> {
    this.#asked.add(oid);
    this.#next ??= this.#last.then(() => this.#depart());
    this.#last = this.#next.catch(() => undefined);
    return this.#next;
  }

  async #depart(): Promise<void> {
    const signal = AbortSignal.any([this.#closing.signal, AbortSignal.timeout(this.#patienceMs)]);
    await setTimeout(this.#graceMs);
    const asked = this.#asked;
    this.#asked = new Set();
    this.#next = undefined;
    signal.throwIfAborted();
    const wants = await this.#objects.missing(asked);
    if (wants.length > 0) await this.#objects.fetchWithFilter(wants, { filter: "tree:1", signal });
  }
}
