import { setMaxListeners } from "node:events";
import type { Oid } from "@millrace/pack";
import type { BlobSource } from "./blob-source.ts";

/** Sizes asked for in one request. */
const MAX_COUNT = 10_000;

/** Asks a source for sizes: the questions of one moment travel in one request, and none twice at once. */
export class SizeRequests {
  readonly #source: BlobSource;
  readonly #stop = new AbortController();
  readonly #learn: (oid: Oid, sizeBytes: number) => void;
  /** The answer that is to tell of each. */
  readonly #underWay = new Map<Oid, Promise<void>>();
  #next: { readonly oids: Oid[]; readonly answer: Promise<void> } | undefined;

  constructor(source: BlobSource, learn: (oid: Oid, sizeBytes: number) => void) {
    this.#source = source;
    this.#learn = learn;
    setMaxListeners(0, this.#stop.signal);
  }

  /** Resolves when all was learnt that the source tells of these. Throws what the source throws. */
  async ask(oids: readonly Oid[]): Promise<void> {
    if (this.#source.sizes === undefined) return;
    const answers = new Set<Promise<void>>();
    for (const oid of oids) answers.add(this.#underWay.get(oid) ?? this.#take(oid));
    await Promise.all(answers);
  }

  /** Ends all requests with this reason. */
  stop(reason: unknown): void {
    this.#stop.abort(reason);
  }

  #take(oid: Oid): Promise<void> {
    if (this.#next === undefined || this.#next.oids.length >= MAX_COUNT) {
      const asked: Oid[] = [];
      const answer = new Promise<void>((resolve) => {
        setImmediate(resolve);
      }).then(() => this.#send(asked));
      // Whoever has left does not hear of its end.
      answer.catch(() => undefined);
      this.#next = { oids: asked, answer };
    }
    const { oids, answer } = this.#next;
    oids.push(oid);
    this.#underWay.set(oid, answer);
    return answer;
  }

  async #send(oids: readonly Oid[]): Promise<void> {
    if (this.#next?.oids === oids) this.#next = undefined;
    const { signal } = this.#stop;
    try {
      signal.throwIfAborted();
      const told = await this.#source.sizes?.(oids, signal);
      for (const [oid, sizeBytes] of told ?? []) this.#learn(oid, sizeBytes);
    } finally {
      for (const oid of oids) this.#underWay.delete(oid);
    }
  }
}
