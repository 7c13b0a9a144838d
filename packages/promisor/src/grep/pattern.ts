import { PromisorError } from "../errors.ts";
import { SearchedBytes, SearchedCharacters, type SearchedText } from "./searched-text.ts";

/** What is searched for: a text as it stands, or an expression, line by line. */
export type GrepPattern = string | RegExp;

/** A match in a line, in characters. */
export interface Match {
  readonly start: number;
  readonly end: number;
}

/** A pattern, made ready. */
export interface Matcher {
  /** The form of a content that it searches. */
  open(bytes: Buffer): SearchedText;
  /** A place in the first line, at or behind the place `from`, that may match; -1 where there is none. */
  find(text: SearchedText, from: number): number;
  /** The first match in a line. */
  match(line: string): Match | undefined;
}

/**
 * Throws `PROMISOR_BAD_ARGUMENT` for an empty text, one of several lines, and an expression with a flag (`g`, `y`) that a
 * search line by line has no use for.
 */
export function compilePattern(pattern: GrepPattern, ignoreCase: boolean): Matcher {
  if (pattern instanceof RegExp) return expressionMatcher(pattern, ignoreCase);
  if (pattern === "" || /[\n\0]/.test(pattern)) throw badPattern("a text of one line is searched for");
  return ignoreCase ? expressionMatcher(new RegExp(escape(pattern)), true) : literalMatcher(pattern);
}

function literalMatcher(searched: string): Matcher {
  const needle = Buffer.from(searched);
  // Up to six bytes are sought by their first one, which goes at memory's speed where that is rare.
  const anchorAt = rarestOf(needle);
  const anchor = needle.subarray(anchorAt, anchorAt + ANCHOR_BYTES);
  const isWhole = anchor.length === needle.length;
  return {
    open: (bytes) => new SearchedBytes(bytes),
    find(text, from) {
      const { bytes } = text as SearchedBytes;
      for (let at = from + anchorAt; ; at++) {
        at = bytes.indexOf(anchor, at);
        if (at < 0) return -1;
        const start = at - anchorAt;
        const end = start + needle.length;
        if (isWhole || (end <= bytes.length && bytes.compare(needle, 0, needle.length, start, end) === 0)) {
          return start;
        }
      }
    },
    match(line) {
      const start = line.indexOf(searched);
      return start < 0 ? undefined : { start, end: start + searched.length };
    },
  };
}

const ANCHOR_BYTES = 6;
/** What sources are made of mostly, the most frequent first. */
const FREQUENT = Buffer.from(" etrnisaoldcpumfhgybv.,()_w-=;\"'/k>x");

/** Where the byte is in a text that is likely to be the rarest. */
function rarestOf(needle: Uint8Array): number {
  let rarest = 0;
  let rarity = -1;
  for (const [at, byte] of needle.entries()) {
    const rank = FREQUENT.indexOf(byte);
    const here = rank < 0 ? FREQUENT.length : rank;
    if (here > rarity) [rarest, rarity] = [at, here];
  }
  return rarest;
}

function expressionMatcher({ source, flags }: RegExp, ignoreCase: boolean): Matcher {
  if (/[gy]/.test(flags)) throw badPattern("an expression is searched for without the flags g and y");
  const withCase = ignoreCase && !flags.includes("i") ? `${flags}i` : flags;
  const inLine = new RegExp(source, withCase);
  // Runs over the whole text: `^` and `$` are the ends of lines. What it finds may span lines, so lines are matched again.
  const inText = new RegExp(source, `${withCase.replace("m", "")}gm`);
  return {
    open: (bytes) => new SearchedCharacters(bytes),
    find(text, from) {
      inText.lastIndex = from;
      return inText.exec((text as SearchedCharacters).characters)?.index ?? -1;
    },
    match(line) {
      const found = inLine.exec(line);
      return found === null ? undefined : { start: found.index, end: found.index + found[0].length };
    },
  };
}

function escape(text: string): string {
  return text.replace(/[\\^$.*+?()[\]{}|/-]/g, "\\$&");
}

function badPattern(why: string): PromisorError {
  return new PromisorError("PROMISOR_BAD_ARGUMENT", why);
}
