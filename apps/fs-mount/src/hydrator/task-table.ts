import { setMaxListeners } from "node:events";
import type { Oid } from "@millrace/pack";
import type { CachedBlob } from "../cache/open-blob.ts";
import { createTask, type Task, type Waiter } from "./task.ts";
import { TaskQueue } from "./task-queue.ts";

/** The blobs that are queued or being fetched, each once, and who waits for them. */
export class TaskTable {
  readonly #tasks = new Map<Oid, Task>();
  readonly #queue = new TaskQueue<Task>();
  readonly #onQueued: () => void;
  readonly #idle: (() => void)[] = [];

  /** @param onQueued called when one is queued, or moves forward in the queue */
  constructor(onQueued: () => void) {
    this.#onQueued = onQueued;
  }

  /** How many wait for their turn. */
  get backlog(): number {
    return this.#queue.size;
  }

  has(oid: Oid): boolean {
    return this.#tasks.has(oid);
  }

  /** Whether the task is under way, and not one that has ended. */
  isOpen(task: Task): boolean {
    return this.#tasks.get(task.oid) === task;
  }

  /** The task whose turn it is; it stays in the queue. */
  peek(): Task | undefined {
    return this.#queue.peek();
  }

  /** Takes a task out of the queue, to be fetched. */
  unqueue(task: Task): void {
    this.#queue.remove(task);
  }

  /** The task of a blob, queued at this priority at least. */
  take(oid: Oid, priority: number): Task {
    let task = this.#tasks.get(oid);
    if (task === undefined) {
      task = createTask(oid);
      task.priority = priority;
      this.#tasks.set(oid, task);
      this.#queue.push(task);
      this.#onQueued();
    } else if (task.place !== -1 && priority > task.priority) {
      this.#queue.reprioritize(task, priority);
      this.#onQueued();
    }
    return task;
  }

  /** Waits for a task, as long as `signal` lets it; throws its reason. */
  wait<T extends CachedBlob | number>(
    task: Task,
    wants: Waiter["wants"],
    signal: AbortSignal | undefined,
  ): Promise<T> {
    return new Promise<T>((resolve, reject) => {
      const leave = (): void => {
        task.waiters.delete(waiter);
        reject(signal?.reason as Error);
        this.#abandon(task);
      };
      const waiter: Waiter = {
        wants,
        settle: (result) => {
          signal?.removeEventListener("abort", leave);
          resolve(result as T);
        },
        fail: (reason) => {
          signal?.removeEventListener("abort", leave);
          reject(reason);
        },
      };
      if (signal !== undefined) {
        // Many may wait under one signal.
        setMaxListeners(0, signal);
        signal.addEventListener("abort", leave, { once: true });
      }
      task.waiters.add(waiter);
    });
  }

  /** Queues a task again that has had its turn, if anybody still wants it. */
  putBack(task: Task): void {
    this.#queue.push(task);
    this.#onQueued();
    this.#abandon(task);
  }

  /** Lets go of a task that has ended. */
  forget(task: Task): void {
    if (!this.isOpen(task)) return;
    this.#tasks.delete(task.oid);
    if (this.#tasks.size > 0) return;
    for (const resolve of this.#idle.splice(0)) resolve();
  }

  /** Takes all tasks out of the queue, and answers all that are open. */
  drain(): readonly Task[] {
    const open = [...this.#tasks.values()];
    for (const task of open) this.#queue.remove(task);
    return open;
  }

  /** Resolves when there are none. */
  idle(): Promise<void> {
    if (this.#tasks.size === 0) return Promise.resolve();
    return new Promise((resolve) => {
      this.#idle.push(resolve);
    });
  }

  /** Nobody waits for it any more: what was queued for them alone goes, the rest falls back. */
  #abandon(task: Task): void {
    if (task.waiters.size > 0 || task.place === -1) return;
    if (task.backgroundPriority > 0) {
      this.#queue.reprioritize(task, task.backgroundPriority);
    } else {
      this.#queue.remove(task);
      this.forget(task);
    }
  }
}
