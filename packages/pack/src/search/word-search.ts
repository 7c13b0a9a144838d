import { sharedKernel } from "../kernel/kernel.ts";
import { encodeWords } from "./word-table.ts";

/** Words that are looked for in texts, all at once. */
export interface WordSearch {
  /**
   * Places of words in a text, from `from` on: each lies within a word, and every word has one. Those before `end` are told;
   * there the search goes on. `places` are valid until the next search of any kind in this thread.
   */
  find(text: Uint8Array, from: number): { readonly places: Uint32Array; readonly end: number };
}

/** How much of a text is copied into the kernel at a time. */
const WINDOW_BYTES = 128 * 1024;
/** How many places one search answers at most. */
const MAX_PLACES = 1024;
/** Words and bytes of words that one search has room for. */
const MAX_WORDS = 64;
const MAX_WORD_BYTES = 64 * 1024;

/**
 * Prepares a search for up to 64 words of at least one byte, of 64 KiB together at most. With `ignoreCase` the letters
 * A to Z are as good as those in lower case; no other byte is another's equal.
 * Throws RangeError for no words, an empty one, and more than that.
 */
export function createWordSearch(
  words: readonly Uint8Array[],
  { ignoreCase = false }: { readonly ignoreCase?: boolean | undefined } = {},
): WordSearch {
  const lengths = words.map(({ length }) => length);
  const total = lengths.reduce((sum, length) => sum + length, 0);
  if (words.length === 0 || words.length > MAX_WORDS || lengths.includes(0) || total > MAX_WORD_BYTES) {
    throw new RangeError(`${words.length} words of ${total} bytes together cannot be searched for at once`);
  }
  const table = encodeWords(words, ignoreCase);
  const longest = Math.max(...lengths);
  return {
    find(text, from) {
      const kernel = sharedKernel();
      const { heapStart } = kernel;
      // A word may begin before and end behind the window in which its place is.
      const to = Math.min(text.length, from + WINDOW_BYTES);
      const before = Math.min(from, longest);
      const isWhole = from === 0 && to === text.length;
      const copied = isWhole ? text : text.subarray(from - before, to + longest);
      const placesAt = (heapStart + table.length + 15) & ~15;
      const textAt = placesAt + 4 * MAX_PLACES;
      kernel.ensure(textAt + copied.length);
      kernel.bytes.set(table, heapStart);
      kernel.bytes.set(copied, textAt);
      const { findWords, wordsScanned } = kernel.exports;
      const end = before + to - from;
      const count = findWords(heapStart, textAt, copied.length, before, end, placesAt, MAX_PLACES);
      const places = kernel.words.subarray(placesAt >>> 2, (placesAt >>> 2) + count);
      const shift = from - before;
      if (shift > 0) for (let i = 0; i < count; i++) places[i]! += shift;
      return { places, end: wordsScanned() + shift };
    },
  };
}
