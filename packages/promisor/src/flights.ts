import type { Oid } from "@millrace/pack";
import type { GitObject } from "./source/object-source.ts";
import { untilAborted } from "./until-aborted.ts";

/** An object on its way: who waits for it, and the fetch that brings it. */
export interface Flight {
  readonly oid: Oid;
  /** The object, `undefined` where it is in the store now. */
  readonly promise: Promise<GitObject | undefined>;
  readonly settle: (object: GitObject | undefined) => void;
  readonly fail: (reason: unknown) => void;
  waiters: number;
  batch: Batch | undefined;
}

/** A fetch under way, which ends when nobody waits for any of its objects. */
export interface Batch {
  readonly flights: readonly Flight[];
  readonly stop: AbortController;
}

/** The objects that are on their way, each once, however many wait for it. */
export class Flights {
  readonly #open = new Map<Oid, Flight>();
  readonly #onFresh: (flights: readonly Flight[]) => void;
  /** Flights of this turn. */
  #fresh: Flight[] = [];
  /** Flights that wait for a batch. */
  #queue: Flight[] = [];

  /** `onFresh` is given the flights that began in one turn, at its end. */
  constructor(onFresh: (flights: readonly Flight[]) => void) {
    this.#onFresh = onFresh;
  }

  /** The object's flight, which begins if there is none. */
  take(oid: Oid): Flight {
    const open = this.#open.get(oid);
    if (open !== undefined) return open;
    let settle: Flight["settle"] = () => undefined;
    let fail: Flight["fail"] = () => undefined;
    const promise = new Promise<GitObject | undefined>((resolve, reject) => {
      settle = resolve;
      fail = reject;
    });
    // Whoever has left does not hear of its end.
    promise.catch(() => undefined);
    const flight: Flight = { oid, promise, settle, fail, waiters: 0, batch: undefined };
    this.#open.set(oid, flight);
    if (this.#fresh.length === 0) setImmediate(() => this.#onFresh(this.#fresh.splice(0)));
    this.#fresh.push(flight);
    return flight;
  }

  /** Waits for flights, for as long as `signal` lets it; who leaves is counted out of each. */
  async await<T>(
    flights: readonly Flight[],
    signal: AbortSignal | undefined,
    landing: Promise<T>,
  ): Promise<T> {
    for (const flight of flights) flight.waiters++;
    try {
      return await untilAborted(landing, signal);
    } finally {
      for (const flight of flights) if (--flight.waiters === 0) this.#abandon(flight);
    }
  }

  /** Whether the flight has neither landed nor ended. */
  isOpen(flight: Flight): boolean {
    return this.#open.get(flight.oid) === flight;
  }

  /** Has those that are still open wait for a batch. */
  enqueue(flights: readonly Flight[]): void {
    for (const flight of flights) if (this.isOpen(flight)) this.#queue.push(flight);
  }

  /** The next flights that are to be fetched together; `undefined` where none wait. */
  nextBatch(maxCount: number): Batch | undefined {
    if (this.#queue.length === 0) return undefined;
    const batch: Batch = { flights: this.#queue.splice(0, maxCount), stop: new AbortController() };
    for (const flight of batch.flights) flight.batch = batch;
    return batch;
  }

  land(flight: Flight, object: GitObject | undefined): void {
    this.#close(flight);
    flight.settle(object);
  }

  fail(flight: Flight, reason: unknown): void {
    this.#close(flight);
    flight.fail(reason);
  }

  /** Nobody waits for this one any more: it does not leave, or its fetch ends with the last such. */
  #abandon(flight: Flight): void {
    if (!this.isOpen(flight)) return;
    if (flight.batch === undefined) {
      this.#close(flight);
      this.#fresh = this.#fresh.filter((other) => other !== flight);
      this.#queue = this.#queue.filter((other) => other !== flight);
    } else if (flight.batch.flights.every(({ waiters }) => waiters === 0)) {
      for (const each of flight.batch.flights) this.#close(each);
      flight.batch.stop.abort();
    }
  }

  #close(flight: Flight): void {
    if (this.isOpen(flight)) this.#open.delete(flight.oid);
  }
}
