/** A max-heap of numbers by time: the newest comes first; equal times come in the order of their arrival. */
export class CommitQueue {
  #numbers: number[] = [];
  #times: number[] = [];
  #ranks: number[] = [];
  #arrivals = 0;

  get length(): number {
    return this.#numbers.length;
  }

  /** The newest waiting time. */
  get newestTime(): number {
    return this.#times[0] ?? Number.NEGATIVE_INFINITY;
  }

  push(number: number, time: number): void {
    let at = this.#numbers.length;
    this.#numbers.push(number);
    this.#times.push(time);
    this.#ranks.push(this.#arrivals++);
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (!this.#before(at, parent)) break;
      this.#swap(at, parent);
      at = parent;
    }
  }

  pop(): number | undefined {
    const top = this.#numbers[0];
    if (top === undefined) return undefined;
    const last = this.#numbers.length - 1;
    this.#swap(0, last);
    this.#numbers.pop();
    this.#times.pop();
    this.#ranks.pop();
    let at = 0;
    for (;;) {
      const left = at * 2 + 1;
      if (left >= last) break;
      const right = left + 1;
      const child = right < last && this.#before(right, left) ? right : left;
      if (!this.#before(child, at)) break;
      this.#swap(child, at);
      at = child;
    }
    return top;
  }

  #before(a: number, b: number): boolean {
    const difference = this.#times[a]! - this.#times[b]!;
    return difference === 0 ? this.#ranks[a]! < this.#ranks[b]! : difference > 0;
  }

  #swap(a: number, b: number): void {
    for (const column of [this.#numbers, this.#times, this.#ranks]) {
      const kept = column[a]!;
      column[a] = column[b]!;
      column[b] = kept;
    }
  }
}
