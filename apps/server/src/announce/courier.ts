import { setTimeout as pause } from "node:timers/promises";
import { type OnReceived, type ReceivedPush, takeUntold } from "@millrace/repository";
import type { RepositoryStore } from "@millrace/storage";

/** A push, the repository that it went into, and an id by which one that is told twice can be known. */
export interface PushEvent extends ReceivedPush {
  readonly repository: string;
  readonly id: string;
}

/** Tells somebody of a push; rejects where that failed. */
export type Tell = (event: PushEvent) => Promise<void>;

export interface CourierOptions {
  readonly tell: Tell;
  /** Told of what could not be told. */
  readonly onFault: (error: unknown) => void;
  /** Whoever has not told of a push by then is taken for dead, in milliseconds. Default a minute. */
  readonly idleMs?: number | undefined;
}

/** A repository that pushes go into. */
type Told = Pick<RepositoryStore, "name" | "outbox">;

const MINUTE_MS = 60_000;
/** Waits between the attempts of a push that nobody else would take up, in milliseconds. */
const RETRIES_MS: readonly number[] = [1000, 4000, 16_000];

/**
 * Tells of pushes, in the background. Where the backend has an outbox each is told at least once: what this process
 * cannot tell, this one or another takes up again. Elsewhere it is tried a few times.
 */
export class Courier implements AsyncDisposable {
  readonly #options: CourierOptions;
  readonly #under = new Set<Promise<void>>();
  /** Repositories whose pushes are being taken up. */
  readonly #taking = new Set<string>();
  readonly #closing = new AbortController();
  #lastId = 0;

  constructor(options: CourierOptions) {
    this.#options = options;
  }

  /** Takes pushes into this repository as they are done. */
  listen(store: Told): OnReceived {
    return (push, noticeId) => {
      if (store.outbox !== undefined && noticeId !== undefined)
        void this.#run(this.#tell(store, push, noticeId));
      else
        void this.#run(
          this.#insist({ ...push, repository: store.name, id: `${Date.now()}-${++this.#lastId}` }),
        );
    };
  }

  /**
   * Takes up what others, or this process, did not tell in time. Asks nobody where nothing is known to wait. The promise is
   * for who wants to wait for the end of it; it never rejects.
   */
  async takeUp(store: Told): Promise<void> {
    const { idleMs = MINUTE_MS } = this.#options;
    if (this.#taking.has(store.name) || store.outbox?.isDue(idleMs) !== true) return;
    this.#taking.add(store.name);
    await this.#run(this.#takeUp(store, idleMs).finally(() => this.#taking.delete(store.name)));
  }

  /** Waits for what is under way. */
  async [Symbol.asyncDispose](): Promise<void> {
    this.#closing.abort();
    await Promise.all(this.#under);
  }

  async #takeUp(store: Told, idleMs: number): Promise<void> {
    for (const { noticeId, push } of await takeUntold(store, idleMs)) await this.#tell(store, push, noticeId);
  }

  async #tell({ name, outbox }: Told, push: ReceivedPush, noticeId: string): Promise<void> {
    await this.#options.tell({ ...push, repository: name, id: noticeId });
    outbox?.settle(noticeId);
  }

  async #insist(event: PushEvent): Promise<void> {
    for (const waitMs of [...RETRIES_MS, undefined]) {
      try {
        return await this.#options.tell(event);
      } catch (error) {
        if (waitMs === undefined || this.#closing.signal.aborted) throw error;
        await pause(waitMs, undefined, { signal: this.#closing.signal }).catch(() => undefined);
      }
    }
  }

  #run(work: Promise<void>): Promise<void> {
    const running = work
      .catch((error: unknown) => this.#options.onFault(error))
      .finally(() => this.#under.delete(running));
    this.#under.add(running);
    return running;
  }
}
