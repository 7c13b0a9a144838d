import type { Oid } from "@millrace/pack";
import type { BlobCache, BlobLanding } from "../cache/blob-cache.ts";
import type { BlobDraft } from "../cache/blob-draft.ts";
import { MountError } from "../errors.ts";
import type { BlobReceiver, BlobSource } from "./blob-source.ts";
import type { FilledHydratorLimits } from "./schema.ts";
import { settleEagerly, type Task } from "./task.ts";

/** What a batch needs. It is told of each task's end; only what is told first counts. */
export interface BatchHost {
  readonly cache: BlobCache;
  readonly source: BlobSource;
  readonly limits: FilledHydratorLimits;
  landed(task: Task, landing: BlobLanding): void;
  failed(task: Task, reason: unknown): void;
}

/**
 * Fetches blobs in one request and puts them into the cache as they come. It ends when the request does, when it brings
 * nothing for too long, or when it is stopped: then at once, whatever the source goes on to do.
 */
export class FetchBatch {
  readonly #host: BatchHost;
  readonly #open: Map<Oid, Task>;
  readonly #drafts = new Map<BlobDraft, Task>();
  readonly #stop: AbortController;
  #leave: ((reason: unknown) => void) | undefined;
  #stall: NodeJS.Timeout | undefined;

  /** @param stop this batch's alone until it ends: what was not aborted may serve another one then */
  constructor(host: BatchHost, tasks: readonly Task[], stop: AbortController) {
    this.#host = host;
    this.#stop = stop;
    this.#open = new Map(tasks.map((task) => [task.oid, task]));
  }

  /** Ends it; its tasks fail for this reason. */
  stop(reason: unknown): void {
    this.#stop.abort(reason);
    this.#leave?.(reason);
  }

  /** Runs to the end of all its tasks; never throws. */
  async run(): Promise<void> {
    const { source, limits } = this.#host;
    const { signal } = this.#stop;
    const oids = [...this.#open.keys()];
    const receiver: BlobReceiver = {
      whole: (oid, content) => this.#takeWhole(oid, content),
      pieces: (oid, sizeBytes, chunks) => this.#takePieces(oid, sizeBytes, chunks),
      missing: (oid, reason) => this.#miss(oid, reason),
    };
    this.#stall = setTimeout(() => {
      const message = `a fetch of ${oids.length} blobs brought nothing for ${limits.stallMs} ms`;
      this.stop(new MountError("MOUNT_FETCH_STALLED", message));
    }, limits.stallMs);
    try {
      await new Promise<void>((resolve, reject) => {
        this.#leave = reject;
        source.fetch(oids, receiver, signal).then(resolve, reject);
      });
      for (const oid of this.#open.keys()) {
        this.#miss(oid, new MountError("MOUNT_BLOB_MISSING", `blob ${oid} did not come`, { oid }));
      }
    } catch (error) {
      for (const [draft, task] of this.#drafts) {
        draft.fail(error);
        this.#host.failed(task, error);
      }
      for (const oid of this.#open.keys()) this.#miss(oid, error);
    } finally {
      clearTimeout(this.#stall);
    }
  }

  /** The task of a blob that has come, which is no longer open. */
  #take(oid: Oid): Task | undefined {
    const task = this.#open.get(oid);
    this.#open.delete(oid);
    this.#stall?.refresh();
    return task;
  }

  #miss(oid: Oid, reason: unknown): void {
    const task = this.#take(oid);
    if (task !== undefined) this.#host.failed(task, reason);
  }

  #takeWhole(oid: Oid, content: Uint8Array): void | Promise<void> {
    const task = this.#take(oid);
    if (task === undefined) return undefined;
    const { cache } = this.#host;
    let landing: BlobLanding | Promise<BlobLanding>;
    try {
      landing = cache.put(oid, content);
    } catch (error) {
      this.#host.failed(task, error);
      return undefined;
    }
    if (landing instanceof Promise) return this.#takeSlowly(task, landing);
    this.#land(task, landing);
    const { pressure } = cache;
    return pressure?.then(
      () => undefined,
      () => undefined,
    );
  }

  async #takeSlowly(task: Task, landing: Promise<BlobLanding>): Promise<void> {
    try {
      this.#land(task, await landing);
    } catch (error) {
      this.#host.failed(task, error);
    }
  }

  async #takePieces(oid: Oid, sizeBytes: number, chunks: AsyncIterable<Uint8Array>): Promise<void> {
    const task = this.#take(oid);
    if (task === undefined) return;
    const { cache, limits } = this.#host;
    let draft: BlobDraft;
    try {
      draft = cache.begin(oid, sizeBytes);
    } catch (error) {
      this.#host.failed(task, error);
      return;
    }
    this.#drafts.set(draft, task);
    const mayRead = sizeBytes >= limits.eagerBytes;
    if (mayRead) task.draft = draft;
    settleEagerly(task, draft, mayRead);
    let failure: { readonly error: unknown } | undefined;
    try {
      for await (const chunk of chunks) {
        this.#stall?.refresh();
        try {
          await draft.write(chunk);
        } catch (error) {
          failure = { error };
          break;
        }
      }
    } catch (error) {
      draft.fail(error);
      this.#drafts.delete(draft);
      this.#host.failed(task, error);
      throw error;
    }
    this.#drafts.delete(draft);
    try {
      if (failure !== undefined) throw failure.error;
      this.#land(task, draft.finish());
    } catch (error) {
      this.#host.failed(task, error);
    }
  }

  #land(task: Task, landing: BlobLanding): void {
    using landed = landing;
    this.#host.landed(task, landed);
  }
}
