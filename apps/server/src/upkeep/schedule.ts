import { setTimeout as sleep } from "node:timers/promises";

/** When repositories are tidied up, and how. */
export interface UpkeepOptions {
  /** All of them so often, in milliseconds; absent: not by the clock. */
  readonly everyMs?: number | undefined;
  /** One of them after so many pushes to it; absent: not for pushes. */
  readonly afterPushes?: number | undefined;
  /** Tidies one repository up, or all of them. What it throws is told to `onFault`. */
  readonly run: (name: string | undefined, signal: AbortSignal) => Promise<void>;
  readonly onFault: (error: unknown) => void;
  /** Between 0 and 1. Default `Math.random`. */
  readonly random?: (() => number) | undefined;
}

/** Tidies up beside other work, one thing at a time. Disposing it ends what is under way. */
export interface Upkeep extends AsyncDisposable {
  /** A repository was pushed to. */
  pushed(name: string): void;
}

/** The first turn comes no earlier than after this share of the time between two, so that short lives have none. */
const LEAST = 0.1;
/** How much the time between two turns differs, so that servers that started together drift apart. */
const SPREAD = 0.2;
/** Repositories whose pushes are counted; with more than that the counts of the oldest are forgotten. */
const COUNTED = 10_000;

/** Starts the schedule. */
export function createUpkeep(options: UpkeepOptions): Upkeep {
  const { everyMs, afterPushes, run, onFault, random = Math.random } = options;
  const ending = new AbortController();
  const { signal } = ending;
  const counts = new Map<string, number>();
  /** Names that wait for their turn; `undefined` stands for all. */
  const waiting = new Set<string | undefined>();
  let running: Promise<void> | undefined;

  const work = async (): Promise<void> => {
    for (const name of waiting) {
      waiting.delete(name);
      try {
        await run(name, signal);
      } catch (error) {
        if (!signal.aborted) onFault(error);
      }
      if (signal.aborted) return;
    }
  };
  const ask = (name: string | undefined): void => {
    waiting.add(name);
    running ??= work().finally(() => {
      running = undefined;
    });
  };
  const byTheClock = async (betweenMs: number): Promise<void> => {
    let delayMs = betweenMs * (LEAST + (1 - LEAST) * random());
    for (;;) {
      await sleep(delayMs, undefined, { signal, ref: false });
      ask(undefined);
      delayMs = betweenMs * (1 - SPREAD / 2 + SPREAD * random());
    }
  };
  const clock = everyMs === undefined ? Promise.resolve() : byTheClock(everyMs).catch(() => undefined);

  return {
    pushed(name) {
      if (afterPushes === undefined || signal.aborted) return;
      const count = (counts.get(name) ?? 0) + 1;
      counts.delete(name);
      if (count >= afterPushes) return ask(name);
      counts.set(name, count);
      for (const oldest of counts.keys()) {
        if (counts.size <= COUNTED) break;
        counts.delete(oldest);
      }
    },
    async [Symbol.asyncDispose]() {
      ending.abort(new Error("the server ends"));
      await clock;
      await running;
    },
  };
}
