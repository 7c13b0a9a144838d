/** What waits in a queue. The queue writes all but the priority given at first. */
export interface Queued {
  priority: number;
  /** When it took its priority: the smaller, the sooner among equals. */
  order: number;
  /** Its place in the queue; -1 where it is in none. */
  place: number;
}

/** The highest priority first, and among equals what came first: a binary heap whose items know their places. */
export class TaskQueue<Task extends Queued> {
  readonly #heap: Task[] = [];
  #orders = 0;

  get size(): number {
    return this.#heap.length;
  }

  peek(): Task | undefined {
    return this.#heap[0];
  }

  push(task: Task): void {
    task.order = this.#orders++;
    task.place = this.#heap.length;
    this.#heap.push(task);
    this.#rise(task);
  }

  shift(): Task | undefined {
    const first = this.#heap[0];
    if (first !== undefined) this.remove(first);
    return first;
  }

  /** Gives a queued task another priority, behind those that have it already. */
  reprioritize(task: Task, priority: number): void {
    task.priority = priority;
    task.order = this.#orders++;
    this.#rise(task);
    this.#sink(task);
  }

  /** Takes a task out; nothing happens where it is not in. */
  remove(task: Task): void {
    const { place } = task;
    if (place === -1) return;
    task.place = -1;
    const last = this.#heap.pop()!;
    if (last === task) return;
    this.#set(last, place);
    this.#rise(last);
    this.#sink(last);
  }

  #set(task: Task, place: number): void {
    this.#heap[place] = task;
    task.place = place;
  }

  #rise(task: Task): void {
    while (task.place > 0) {
      const { place } = task;
      const parent = this.#heap[(place - 1) >> 1]!;
      if (!isSooner(task, parent)) return;
      this.#set(task, parent.place);
      this.#set(parent, place);
    }
  }

  #sink(task: Task): void {
    for (;;) {
      const { place } = task;
      const left = this.#heap[2 * place + 1];
      const right = this.#heap[2 * place + 2];
      const child = right !== undefined && isSooner(right, left!) ? right : left;
      if (child === undefined || !isSooner(child, task)) return;
      this.#set(task, child.place);
      this.#set(child, place);
    }
  }
}

function isSooner(a: Queued, b: Queued): boolean {
  return a.priority === b.priority ? a.order < b.order : a.priority > b.priority;
}
