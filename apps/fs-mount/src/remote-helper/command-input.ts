/** A line of git's is shorter by far. */
const MAX_LINE_BYTES = 64 * 1024;

/** What git says to a remote helper: lines first, and the bytes of a service behind the one that asks for it. */
export class CommandInput {
  readonly #source: AsyncIterator<Uint8Array>;
  #kept: Uint8Array = new Uint8Array();

  constructor(source: AsyncIterable<Uint8Array>) {
    this.#source = source[Symbol.asyncIterator]();
  }

  /** The next line without its end; `undefined` where git has closed its end. Throws what the source throws, and where a line has no end. */
  async line(): Promise<string | undefined> {
    for (;;) {
      const end = this.#kept.indexOf(0x0a);
      if (end >= 0) {
        const line = Buffer.from(this.#kept.subarray(0, end)).toString("utf8");
        this.#kept = this.#kept.subarray(end + 1);
        return line;
      }
      if (this.#kept.length > MAX_LINE_BYTES) throw new Error("a command that has no end");
      const next = await this.#source.next();
      if (next.done === true) return undefined;
      this.#kept = Buffer.concat([this.#kept, next.value]);
    }
  }

  /** All that follows. Leaving it early releases the source. */
  async *rest(): AsyncGenerator<Uint8Array, void, undefined> {
    try {
      if (this.#kept.length > 0) yield this.#kept;
      for (let next = await this.#source.next(); next.done !== true; next = await this.#source.next())
        yield next.value;
    } finally {
      await this.#source.return?.();
    }
  }
}
