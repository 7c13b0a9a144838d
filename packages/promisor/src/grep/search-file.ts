import { constants } from "node:buffer";
import { PromisorError } from "../errors.ts";
import { countLineFeeds, lineEnd, lineStart } from "./line-feeds.ts";
import type { Match, PatternGroup } from "./pattern.ts";

/** A line that matches, and those around it that were asked for. */
export interface MatchedLine {
  /** Which pattern it is, where several are searched for; `""` for a single one. */
  readonly tag: string;
  /** From 1 on. */
  readonly line: number;
  readonly text: string;
  /** The first match in it, in characters from 0 on. */
  readonly match: Match;
  readonly before: readonly string[];
  readonly after: readonly string[];
}

/** How many lines around a match are told. */
export interface Context {
  readonly before: number;
  readonly after: number;
}

/** How much of a file is searched at a time, less where a line ends, more where none does. */
const PART_BYTES = 1024 * 1024;

/** Cuts a file where lines end. Answers where the part ends that begins at `start`. */
export function partEnd(bytes: Buffer, start: number): number {
  const end = start + PART_BYTES;
  if (end >= bytes.length) return bytes.length;
  const cut = lineStart(bytes, end);
  return cut > start ? cut : Math.min(bytes.length, lineEnd(bytes, end) + 1);
}

/** A file under search by one group of patterns. */
export class FileSearch {
  readonly #bytes: Buffer;
  readonly #group: PatternGroup;
  readonly #context: Context;
  #line = 1;
  /** How far lines are counted. */
  #counted = 0;
  /** Lines that were looked at, and those of them that did not match. */
  looked = 0;
  missed = 0;

  constructor(bytes: Buffer, group: PatternGroup, context: Context) {
    this.#bytes = bytes;
    this.#group = group;
    this.#context = context;
  }

  /** The lines of a part that match, each once for each pattern, as they are asked for; parts come in their order. */
  *search(start: number, end: number): Generator<MatchedLine, void, undefined> {
    const bytes = this.#bytes;
    const isWhole = start === 0 && end === bytes.length;
    const seeking = this.#group.seeker.open(isWhole ? bytes : bytes.subarray(start, end));
    for (let from = start; from < end; ) {
      const place = seeking.next(from - start);
      if (place < 0) return;
      const lineFrom = lineStart(bytes, start + place);
      const lineTo = lineEnd(bytes, start + place);
      const text = textOf(bytes, lineFrom, lineTo);
      let isMatched = false;
      for (const { tag, match: find } of this.#group.matchers) {
        const match = find(text);
        if (match === undefined) continue;
        isMatched = true;
        yield { tag, line: this.#numberOf(lineFrom), text, match, ...this.#around(lineFrom, lineTo) };
      }
      this.looked++;
      if (!isMatched) this.missed++;
      from = lineTo + 1;
    }
  }

  #numberOf(lineFrom: number): number {
    this.#line += countLineFeeds(this.#bytes, this.#counted, lineFrom);
    this.#counted = lineFrom;
    return this.#line;
  }

  #around(lineFrom: number, lineTo: number): Pick<MatchedLine, "before" | "after"> {
    const bytes = this.#bytes;
    const before: string[] = [];
    for (let to = lineFrom - 1; to >= 0 && before.length < this.#context.before; ) {
      const from = lineStart(bytes, to);
      before.unshift(textOf(bytes, from, to));
      to = from - 1;
    }
    const after: string[] = [];
    for (let from = lineTo + 1; from < bytes.length && after.length < this.#context.after; ) {
      const to = lineEnd(bytes, from);
      after.push(textOf(bytes, from, to));
      from = to + 1;
    }
    return { before, after };
  }
}

/** Bytes as a text. Throws `PROMISOR_TOO_LONG` where it would be longer than `mostBytes`, the longest text there is. */
export function textOf(
  bytes: Buffer,
  start: number,
  end: number,
  mostBytes: number = constants.MAX_STRING_LENGTH,
): string {
  if (end - start > mostBytes) {
    throw new PromisorError("PROMISOR_TOO_LONG", `a line of ${end - start} bytes is too long to be searched`);
  }
  return bytes.toString("utf8", start, end);
}
