import type { Worker, WorkerOptions } from "node:worker_threads";
import { beforeEach, describe, expect, it, vi } from "vitest";
import { emptyRequest } from "../../test/support/empty-request.ts";
import { largeTurn, turnMark } from "../receive/large-turn.ts";
import type { WorkerRequest } from "./messages.ts";
import { createWorkerPool } from "./worker-pool.ts";

/** Threads that were started, in order, and how many were there at once. */
const seen = vi.hoisted(() => ({ threads: [] as Worker[], living: 0, most: 0 }));
vi.mock("node:worker_threads", async (original) => {
  const module = await original<{ Worker: typeof Worker }>();
  return {
    ...module,
    Worker: class extends module.Worker {
      constructor(file: string | URL, options?: WorkerOptions) {
        super(file, options);
        seen.threads.push(this);
        seen.most = Math.max(seen.most, ++seen.living);
        this.once("exit", () => seen.living--);
      }
    },
  };
});

const ignore = (): void => {};

describe("createWorkerPool", () => {
  beforeEach(() => {
    seen.threads.length = 0;
    seen.most = seen.living;
  });

  it("never has more threads than it may, and starts them with the first work", async () => {
    await using pool = createWorkerPool({ threads: 2 });
    expect(seen.threads).toEqual([]);
    await Promise.all(Array.from({ length: 7 }, () => pool.run(emptyRequest(), ignore)));
    pool.prepare();
    await pool.run(emptyRequest(), ignore);
    expect(seen.threads).toHaveLength(2);
  });

  it("keeps to that while threads end with their work", async () => {
    await using pool = createWorkerPool({ threads: 2 });
    const request = emptyRequest();
    const heavy = { ...request, columns: { ...request.columns, count: 100_000 } };
    const tasks = Array.from({ length: 8 }, (_, i) => pool.run(i % 2 === 0 ? heavy : request, ignore));
    await Promise.all(tasks);
    expect(seen.threads.length).toBeGreaterThan(2);
    expect(seen.most).toBe(2);
  });

  it("fails the task of a thread that dies, gives back its turn, and goes on with the next task on another", async () => {
    await using pool = createWorkerPool({ threads: 1 });
    const lost = pool.run(emptyRequest(), ignore);
    const next = pool.run(emptyRequest(), ignore);
    const [thread] = seen.threads;
    Atomics.store(largeTurn, 0, turnMark(thread!.threadId));
    const ended = thread!.terminate();
    await expect(lost).rejects.toThrow("a worker thread ended with");
    await next;
    await ended;
    expect(seen.threads).toHaveLength(2);
    expect(Atomics.load(largeTurn, 0)).toBe(0);
  });

  it("passes on an error that is none of the pack's, and keeps the thread", async () => {
    await using pool = createWorkerPool({ threads: 1 });
    const nonsense = { ...emptyRequest(), families: undefined } as unknown as WorkerRequest;
    await expect(pool.run(nonsense, ignore)).rejects.toThrow(/undefined/);
    await pool.run(emptyRequest(), ignore);
    expect(seen.threads).toHaveLength(1);
  });

  it("ends what runs and what waits when it is closed, and takes nothing more", async () => {
    const pool = createWorkerPool({ threads: 1 });
    const running = expect(pool.run(emptyRequest(), ignore)).rejects.toThrow("a worker thread ended with");
    const waiting = [1, 2].map(() =>
      expect(pool.run(emptyRequest(), ignore)).rejects.toThrow("the worker pool is closed"),
    );
    await pool[Symbol.asyncDispose]();
    await Promise.all([running, ...waiting]);
    await expect(pool.run(emptyRequest(), ignore)).rejects.toThrow("the worker pool is closed");
    pool.prepare();
    expect(seen.threads).toHaveLength(1);
    expect(seen.living).toBe(0);
  });
});
