import { Worker } from "node:worker_threads";
import { PackError, type PackErrorCode } from "../errors.ts";
import { giveTurnBack, largeTurn, turnMark } from "../receive/large-turn.ts";
import { WORKER_FILE } from "../worker-file.ts";
import type { WorkerAnswer, WorkerRequest } from "./messages.ts";

/** Threads that long work runs on, shared by everything in a process that is given the pool. */
export interface WorkerPool extends AsyncDisposable {
  /** How many threads there may be. */
  readonly threads: number;
  /** Starts the threads that work will soon be given to, so that it need not wait for them. */
  prepare(): void;
  /**
   * Runs a task on the next thread that is free; `onMessage` takes what it tells meanwhile, and what that throws ends
   * the task's promise. Throws what the task throws. A task is not stopped from here: its request says how.
   */
  run(request: WorkerRequest, onMessage: (message: WorkerAnswer) => void): Promise<void>;
}

/** How a pool is made. */
export interface WorkerPoolOptions {
  /** Threads at most; they start with the first work for them. */
  readonly threads: number;
  /** A thread that had nothing to do for so long ends. Default 10,000. */
  readonly idleMs?: number | undefined;
}

interface Task {
  readonly request: WorkerRequest;
  readonly onMessage: (message: WorkerAnswer) => void;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

interface Thread {
  readonly worker: Worker;
  /** `worker` forgets it when it ends. */
  readonly id: number;
  task: Task | undefined;
  idle: NodeJS.Timeout | undefined;
}

const DEFAULT_IDLE_MS = 10_000;
/** Threads work in the kernel's memory: little of what they allocate lives on. */
const YOUNG_MIB = 4;

/**
 * A thread holds what it last worked on until it does something else, or ends: after a pack of so many entries that is
 * tens of megabytes, and starting another thread would not be noticed.
 */
const HEAVY_ENTRIES = 100_000;

/** Makes a pool of worker threads. They do not keep the process alive. */
export function createWorkerPool(options: WorkerPoolOptions): WorkerPool {
  const { threads: most, idleMs = DEFAULT_IDLE_MS } = options;
  const threads = new Set<Thread>();
  const queue: Task[] = [];
  let isClosed = false;

  function start(): Thread {
    const worker = new Worker(WORKER_FILE, { resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MIB } });
    worker.unref();
    const thread: Thread = { worker, id: worker.threadId, task: undefined, idle: undefined };
    worker.on("message", (answer: WorkerAnswer) => take(thread, answer));
    worker.on("error", (error) => leave(thread, error));
    worker.on("exit", (code) => leave(thread, new Error(`a worker thread ended with ${code}`)));
    threads.add(thread);
    return thread;
  }

  function take(thread: Thread, answer: WorkerAnswer): void {
    const { task } = thread;
    if (task === undefined) return;
    if (answer.kind === "done" || answer.kind === "failed") {
      const conclude = answer.kind === "done" ? task.resolve : () => task.reject(errorOf(answer));
      const isDone = answer.kind === "done" && isHeavy(task.request);
      if (isDone || Atomics.load(largeTurn, 0) === turnMark(thread.id)) void end(thread, conclude);
      else settle(thread, conclude);
    } else {
      try {
        task.onMessage(answer);
      } catch (error) {
        // The thread goes on until it finds out; the caller has been told by then.
        task.reject(error);
      }
    }
  }

  /** Ends a thread with its work, which is done when its memory is free. */
  async function end(thread: Thread, conclude: () => void): Promise<void> {
    thread.task = undefined;
    threads.delete(thread);
    await thread.worker.terminate();
    giveTurnBack(largeTurn, thread.id);
    conclude();
    // Meanwhile others may have been started in its place; they take the next task in their turn.
    const next = threads.size < most ? queue.shift() : undefined;
    if (next !== undefined) give(start(), next);
  }

  function settle(thread: Thread, conclude: () => void): void {
    thread.task = undefined;
    conclude();
    const next = queue.shift();
    if (next !== undefined) give(thread, next);
    else rest(thread);
  }

  function rest(thread: Thread): void {
    thread.worker.unref();
    thread.idle = setTimeout(() => void thread.worker.terminate(), idleMs).unref();
  }

  function leave(thread: Thread, error: unknown): void {
    clearTimeout(thread.idle);
    giveTurnBack(largeTurn, thread.id);
    if (!threads.delete(thread)) return;
    thread.task?.reject(error);
    thread.task = undefined;
    const next = queue.shift();
    if (next !== undefined) give(start(), next);
  }

  function give(thread: Thread, task: Task): void {
    clearTimeout(thread.idle);
    thread.task = task;
    thread.worker.ref();
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a thread is no window
    thread.worker.postMessage(task.request);
  }

  return {
    threads: most,
    prepare() {
      while (!isClosed && threads.size < most) rest(start());
    },
    run(request, onMessage) {
      return new Promise((resolve, reject) => {
        if (isClosed) throw new Error("the worker pool is closed");
        const task = { request, onMessage, resolve, reject };
        const free = [...threads].find((thread) => thread.task === undefined);
        if (free !== undefined) give(free, task);
        else if (threads.size < most) give(start(), task);
        else queue.push(task);
      });
    },
    async [Symbol.asyncDispose]() {
      isClosed = true;
      for (const task of queue.splice(0)) task.reject(new Error("the worker pool is closed"));
      await Promise.all([...threads].map(({ worker }) => worker.terminate()));
    },
  };
}

function isHeavy({ columns }: WorkerRequest): boolean {
  return columns.count >= HEAVY_ENTRIES;
}

function errorOf(answer: Extract<WorkerAnswer, { kind: "failed" }>): Error {
  const { code, message, offset, oid } = answer;
  if (code === undefined) return new Error(message);
  return new PackError(code as PackErrorCode, message, { offset, oid });
}
