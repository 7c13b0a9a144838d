import { PromisorError } from "../errors.ts";

/** Lines from the first to the last, both counted from 1 and included; what lies behind the end is left out. */
export interface LineRange {
  readonly from: number;
  readonly to: number;
}

/** A line of a file, without its line feed. */
export interface NumberedLine {
  readonly line: number;
  readonly text: string;
}

const LINE_FEED = 0x0a;

/**
 * Picks lines out of a text that comes in pieces, each once, in order; of the others nothing is kept. A line feed at the end
 * begins no line.
 */
export class LinePicker {
  /** By their beginning. */
  readonly #ranges: readonly LineRange[];
  readonly #last: number;
  /** Ranges before this one are over. */
  #at = 0;
  #line = 1;
  /** The beginning of a line that is asked for and not yet complete. */
  #begun: Uint8Array[] = [];

  /** Throws `PROMISOR_BAD_ARGUMENT` for lines below 1 and what is no whole number; a range that ends before it begins is empty. */
  constructor(ranges: readonly LineRange[]) {
    let last = 0;
    for (const { from, to } of ranges) {
      if (!Number.isSafeInteger(from) || !Number.isSafeInteger(to) || from < 1 || to < 1) {
        throw new PromisorError("PROMISOR_BAD_ARGUMENT", `no lines from ${from} to ${to}`);
      }
      if (from <= to) last = Math.max(last, to);
    }
    this.#ranges = ranges.filter(({ from, to }) => from <= to).toSorted((a, b) => a.from - b.from);
    this.#last = last;
  }

  /** Whether all that was asked for has come. */
  get isDone(): boolean {
    return this.#line > this.#last;
  }

  /** The lines that end in this piece; it is the caller's again afterwards. */
  push(piece: Uint8Array): NumberedLine[] {
    const bytes = Buffer.from(piece.buffer, piece.byteOffset, piece.byteLength);
    const found: NumberedLine[] = [];
    for (let start = 0; start < bytes.length && !this.isDone; ) {
      const feed = bytes.indexOf(LINE_FEED, start);
      const end = feed < 0 ? bytes.length : feed;
      if (this.#isAsked()) {
        const part = bytes.subarray(start, end);
        if (feed < 0) this.#begun.push(Uint8Array.from(part));
        else found.push(this.#complete(part));
      }
      if (feed >= 0) this.#line++;
      start = end + 1;
    }
    return found;
  }

  /** The last line, where no line feed ends it. */
  end(): NumberedLine[] {
    return this.#begun.length > 0 ? [this.#complete(new Uint8Array(0))] : [];
  }

  /** Whether the line is in a range. Ranges may hold others, so one that begins later may end sooner. */
  #isAsked(): boolean {
    const ranges = this.#ranges;
    while (this.#at < ranges.length && ranges[this.#at]!.to < this.#line) this.#at++;
    for (let i = this.#at; i < ranges.length && ranges[i]!.from <= this.#line; i++) {
      if (ranges[i]!.to >= this.#line) return true;
    }
    return false;
  }

  #complete(rest: Uint8Array): NumberedLine {
    const text = Buffer.concat([...this.#begun, rest]).toString("utf8");
    this.#begun = [];
    return { line: this.#line, text };
  }
}
