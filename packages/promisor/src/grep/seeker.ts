import { isAscii } from "node:buffer";
import { createWordSearch } from "@millrace/pack";
import { countLineFeeds } from "./line-feeds.ts";

/** Looks for lines that may match, without a look at each. */
export interface Seeker {
  /** Begins on whole lines. */
  open(lines: Buffer): Seeking;
}

/** Lines under search. */
export interface Seeking {
  /**
   * A place in the first line, at or behind the one that begins at `from`, that may match; -1 where there is none. A line that
   * matches is never left out. Calls come with growing `from`.
   */
  next(from: number): number;
}

/** Looks for one text by its rarest bytes, which goes at memory's speed where those are rare indeed. */
export function seekText(needle: Buffer, anchorAt: number): Seeker {
  // Up to six bytes are sought by their first one alone.
  const anchor = needle.subarray(anchorAt, anchorAt + 6);
  return {
    open: (lines) => ({
      next(from) {
        for (let at = from + anchorAt; ; at++) {
          at = lines.indexOf(anchor, at);
          if (at < 0) return -1;
          const start = at - anchorAt;
          const end = start + needle.length;
          if (end <= lines.length && lines.compare(needle, 0, needle.length, start, end) === 0) return start;
        }
      },
    }),
  };
}

const NO_PLACES = new Uint32Array(0);

/** Looks for several words at once. */
export function seekWords(words: readonly Uint8Array[], ignoreCase: boolean): Seeker {
  const search = createWordSearch(words, { ignoreCase });
  return {
    open(lines) {
      let places: Uint32Array = NO_PLACES;
      let next = 0;
      let searched = 0;
      return {
        next(from) {
          for (;;) {
            for (; next < places.length; next++) if (places[next]! >= from) return places[next]!;
            if (searched >= lines.length) return -1;
            const found = search.find(lines, Math.max(searched, from));
            places = found.places.length === 0 ? NO_PLACES : found.places.slice();
            next = 0;
            searched = found.end;
          }
        },
      };
    },
  };
}

/**
 * Runs an expression over all lines as one text, in which `^` and `$` are the ends of lines. What it finds may span lines, and
 * lines are matched again.
 */
export function seekExpression({ source, flags }: RegExp): Seeker {
  const inText = new RegExp(source, `${flags.replace("m", "")}gm`);
  const search = (text: string, from: number): number => {
    inText.lastIndex = from;
    const at = inText.exec(text)?.index ?? -1;
    // Behind the last line feed is no line.
    return at < text.length ? at : text.endsWith("\n") ? -1 : text.length - 1;
  };
  return {
    open(lines) {
      // What is ASCII alone is copied, not decoded, and its places are those of the bytes.
      if (!isAscii(lines)) return seekDecoded(lines, search);
      const text = lines.toString("latin1");
      return { next: (from) => (from >= text.length ? -1 : search(text, from)) };
    },
  };
}

/** Places in a text that is decoded are told from those in its bytes by counting lines. */
function seekDecoded(lines: Buffer, search: (text: string, from: number) => number): Seeking {
  const text = lines.toString("utf8");
  // Where one and the same line begins in either.
  let textAt = 0;
  let byteAt = 0;
  return {
    next(from) {
      if (from >= lines.length) return -1;
      for (let feeds = countLineFeeds(lines, byteAt, from); feeds > 0; feeds--) {
        textAt = text.indexOf("\n", textAt) + 1;
      }
      byteAt = from;
      const at = search(text, textAt);
      if (at < 0) return -1;
      for (let feed = text.indexOf("\n", textAt); feed >= 0 && feed < at; feed = text.indexOf("\n", textAt)) {
        textAt = feed + 1;
        byteAt = lines.indexOf(0x0a, byteAt) + 1;
      }
      return byteAt;
    },
  };
}

/** Every line may match. */
export const seekEveryLine: Seeker = {
  open: (lines) => ({ next: (from) => (from < lines.length ? from : -1) }),
};
