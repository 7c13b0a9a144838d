/** Lets things be done one after the other, in the order in which they were asked for; one that fails ends no other. */
export class Turns {
  #last: Promise<unknown> = Promise.resolve();

  /** Does something when all before it has ended. Throws what it throws. */
  async take<T>(work: () => Promise<T>): Promise<T> {
    const turn = this.#last.then(work);
    this.#last = turn.catch(() => undefined);
    return await turn;
  }
}
