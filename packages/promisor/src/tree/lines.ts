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
 * The lines of a text that lie in these ranges, each once, in order. A line feed at the end begins no line.
 * Throws `PROMISOR_BAD_ARGUMENT` for lines below 1 and what is no whole number; a range that ends before it begins is empty.
 */
export function selectLines(content: Uint8Array, ranges: readonly LineRange[]): NumberedLine[] {
  for (const { from, to } of ranges) {
    if (!Number.isSafeInteger(from) || !Number.isSafeInteger(to) || from < 1 || to < 1) {
      throw new PromisorError("PROMISOR_BAD_ARGUMENT", `no lines from ${from} to ${to}`);
    }
  }
  const sorted = ranges.filter(({ from, to }) => from <= to).toSorted((a, b) => a.from - b.from);
  const bytes = Buffer.from(content.buffer, content.byteOffset, content.byteLength);
  const found: NumberedLine[] = [];
  let start = 0;
  for (let line = 1, at = 0; start < bytes.length && at < sorted.length; line++) {
    const feed = bytes.indexOf(LINE_FEED, start);
    const end = feed < 0 ? bytes.length : feed;
    while (at < sorted.length && sorted[at]!.to < line) at++;
    // Ranges may hold others, so one that begins later may end sooner.
    const isIn = sorted.some(({ from, to }, index) => index >= at && from <= line && line <= to);
    if (isIn) found.push({ line, text: bytes.toString("utf8", start, end) });
    start = end + 1;
  }
  return found;
}
