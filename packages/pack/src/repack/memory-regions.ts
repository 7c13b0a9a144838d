/** Places in one memory that are taken and given back, few at a time. */
export class MemoryRegions {
  readonly #start: number;
  /** Start and end of each region that is taken, by start. */
  readonly #taken: { readonly start: number; readonly end: number }[] = [];

  constructor(start: number) {
    this.#start = start;
  }

  /** Takes the first free place of so many bytes and answers where it starts, a multiple of 16. */
  take(bytes: number): number {
    let start = this.#start;
    let i = 0;
    for (; i < this.#taken.length; i++) {
      const next = this.#taken[i]!;
      if (next.start - start >= bytes) break;
      start = next.end;
    }
    this.#taken.splice(i, 0, { start, end: Math.ceil((start + bytes) / 16) * 16 });
    return start;
  }

  /** Gives back what was taken at `start`. */
  release(start: number): void {
    const i = this.#taken.findIndex((region) => region.start === start);
    if (i >= 0) this.#taken.splice(i, 1);
  }
}
