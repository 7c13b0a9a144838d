/** A max-heap of numbers by time: the newest comes first; equal times come in the order of their arrival. */
export class CommitQueue {
  readonly #numbers: number[] = [];
  readonly #times: number[] = [];
  readonly #ranks: number[] = [];
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
    const rank = this.#arrivals++;
    this.#numbers.push(number);
    this.#times.push(time);
    this.#ranks.push(rank);
    // What came earlier goes before what came later at the same time, so only an older time is passed.
    while (at > 0) {
      const parent = (at - 1) >> 1;
      if (this.#times[parent]! >= time) break;
      this.#move(parent, at);
      at = parent;
    }
    this.#put(at, number, time, rank);
  }

  pop(): number | undefined {
    const top = this.#numbers[0];
    if (top === undefined) return undefined;
    const number = this.#numbers.pop()!;
    const time = this.#times.pop()!;
    const rank = this.#ranks.pop()!;
    const last = this.#numbers.length;
    if (last === 0) return top;
    let at = 0;
    for (;;) {
      let child = at * 2 + 1;
      if (child >= last) break;
      if (child + 1 < last && this.#before(child + 1, this.#times[child]!, this.#ranks[child]!)) child++;
      if (!this.#before(child, time, rank)) break;
      this.#move(child, at);
      at = child;
    }
    this.#put(at, number, time, rank);
    return top;
  }

  #before(at: number, time: number, rank: number): boolean {
    const own = this.#times[at]!;
    return own === time ? this.#ranks[at]! < rank : own > time;
  }

  #move(from: number, to: number): void {
    this.#put(to, this.#numbers[from]!, this.#times[from]!, this.#ranks[from]!);
  }

  #put(at: number, number: number, time: number, rank: number): void {
    this.#numbers[at] = number;
    this.#times[at] = time;
    this.#ranks[at] = rank;
  }
}
