import type { ObjectFormat, Oid } from "@millrace/pack";
import { MountError } from "../errors.ts";
import type { BaseContents } from "../view/base-contents.ts";
import { ContentComparer } from "./compare-content.ts";
import type { OverlayStore } from "./overlay-store.ts";

/** What a base is laid below. */
export interface BaseMovesOptions {
  readonly store: OverlayStore;
  readonly contents: BaseContents;
  readonly format: ObjectFormat;
  /** Called in the moment in which another tree lies below. */
  readonly onMoved: () => void;
}

/**
 * Lays one tree after the other below the rows of a view; nothing that shows changes. Contents stay here, also those that are what the
 * tree has: git may drop what was committed and taken back.
 */
export class BaseMoves {
  readonly #options: BaseMovesOptions;
  readonly #closing = new AbortController();
  #last: Promise<void> = Promise.resolve();

  constructor(options: BaseMovesOptions) {
    this.#options = options;
  }

  /**
   * As `OverlayStore.reconcile`, when those before have come to their end.
   * @throws what reading trees throws; MountError MOUNT_STOPPED where it is closed meanwhile
   */
  async to(tree: Oid): Promise<void> {
    const moved = this.#last.then(() => this.#move(tree, this.#closing.signal));
    this.#last = moved.catch(() => undefined);
    await moved;
  }

  /** Ends what is under way. */
  async close(): Promise<void> {
    this.#closing.abort(new MountError("MOUNT_STOPPED", "the mount has ended"));
    await this.#last;
  }

  async #move(tree: Oid, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const { store, contents, format, onMoved } = this.#options;
    const held: Oid[] = [];
    const comparer = new ContentComparer(store, format, signal);
    try {
      await store.reconcile(tree, {
        compare: async (node, oid) => ((await comparer.isContent(node, oid)) ? "same" : "other"),
        applied: onMoved,
        tree: async (oid) => {
          const entries = await contents.hold(oid, { signal });
          held.push(oid);
          return entries;
        },
      });
    } finally {
      for (const oid of held) contents.release(oid);
    }
  }
}
