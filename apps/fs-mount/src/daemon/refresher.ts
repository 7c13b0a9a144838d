import type { RepositoryMount } from "../mount-repository.ts";
import type { Place } from "../place.ts";
import { waitFor } from "../view/wait.ts";
import { Backoff } from "./backoff.ts";
import { wordsOf } from "../told-error.ts";

/** Who opens the remote repository for a look, and is told how that has gone. */
export interface RefreshListener {
  open(): Promise<Place>;
  refreshed(moved: boolean): Promise<void>;
  failed(words: string): void;
}

/** The longest wait after a look that failed, in milliseconds, unless the interval is longer. */
const LONGEST_MS = 600_000;
/** How long one look may take. */
const LOOK_MS = 300_000;

/**
 * Looks at intervals where the remote repository of a mount has got to; after a look that failed less and less often, until one
 * succeeds. Files, branches and HEAD stay as they are.
 */
export class Refresher {
  readonly #mount: RepositoryMount;
  readonly #listener: RefreshListener;
  readonly #stop = new AbortController();
  #intervalMs: number | null;
  #backoff: Backoff | undefined;
  #timer: NodeJS.Timeout | undefined;
  #looking: Promise<boolean> | undefined;
  #lastResult: string | undefined;

  /** Begins when the history is there: git takes a repository for another one when its shallow roots go meanwhile. */
  constructor(mount: RepositoryMount, intervalMs: number | null, listener: RefreshListener) {
    this.#mount = mount;
    this.#intervalMs = intervalMs;
    this.#listener = listener;
    mount.history.catch(() => undefined).finally(() => this.#plan());
  }

  /** `ok`, or what went wrong, without secrets; `undefined` before the first look. */
  get lastResult(): string | undefined {
    return this.#lastResult;
  }

  /** From now on it is another interval, in milliseconds, also where the last look has failed; `null` is never. */
  setInterval(intervalMs: number | null): void {
    this.#intervalMs = intervalMs;
    this.#backoff = undefined;
    this.#plan();
  }

  /** Looks now, or joins who does; answers whether anything has moved. Throws as `GitDirectory.refresh`. */
  look(): Promise<boolean> {
    this.#looking ??= this.#look().finally(() => {
      this.#looking = undefined;
      this.#plan();
    });
    return this.#looking;
  }

  /** Ends it, and what is under way. */
  async stop(): Promise<void> {
    this.#stop.abort(new Error("the mount is being taken away"));
    clearTimeout(this.#timer);
    await this.#looking?.catch(() => undefined);
  }

  async #look(): Promise<boolean> {
    // Who takes the mount away does not wait for a server that hangs.
    await waitFor(
      this.#mount.history.catch(() => undefined),
      this.#stop.signal,
    );
    const signal = AbortSignal.any([this.#stop.signal, AbortSignal.timeout(LOOK_MS)]);
    try {
      await using place = await this.#listener.open();
      const moved = await this.#mount.parts.git.refresh(place, { signal });
      this.#backoff = undefined;
      this.#lastResult = "ok";
      await this.#listener.refreshed(moved);
      return moved;
    } catch (error) {
      if (!this.#stop.signal.aborted) {
        this.#backoff ??= new Backoff(this.#intervalMs ?? LONGEST_MS, LONGEST_MS);
        this.#lastResult = wordsOf(error);
        this.#listener.failed(this.#lastResult);
      }
      throw error;
    }
  }

  #plan(): void {
    clearTimeout(this.#timer);
    if (this.#intervalMs === null || this.#stop.signal.aborted) return;
    const waitMs = this.#backoff?.next() ?? this.#intervalMs;
    this.#timer = setTimeout(() => void this.look().catch(() => undefined), waitMs);
  }
}
