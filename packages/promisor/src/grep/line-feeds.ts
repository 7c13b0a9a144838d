const LINE_FEED = 0x0a;
const NO_WORDS = new Int32Array(0);
/** Words after which the counts of single bytes could overflow. */
const LANE_WORDS = 255;

/** Line feeds among bytes, four bytes at a time: a search for each would cost a call a line. */
export function countLineFeeds(bytes: Uint8Array, start: number, end: number): number {
  let count = 0;
  let at = start;
  for (; at < end && ((bytes.byteOffset + at) & 3) !== 0; at++) if (bytes[at] === LINE_FEED) count++;
  // What is shorter than a word may end before the next whole one begins.
  const words =
    end - at < 4 ? NO_WORDS : new Int32Array(bytes.buffer, bytes.byteOffset + at, (end - at) >>> 2);
  for (let from = 0; from < words.length; from += LANE_WORDS) {
    const to = Math.min(words.length, from + LANE_WORDS);
    // Each byte of `lanes` counts the line feeds that were at its place.
    let lanes = 0;
    for (let i = from; i < to; i++) {
      const other = words[i]! ^ 0x0a0a0a0a;
      lanes += ~(((other & 0x7f7f7f7f) + 0x7f7f7f7f) | other | 0x7f7f7f7f) >>> 7;
      lanes |= 0;
    }
    count += (lanes & 0xff) + ((lanes >>> 8) & 0xff) + ((lanes >>> 16) & 0xff) + (lanes >>> 24);
  }
  for (at += words.length * 4; at < end; at++) if (bytes[at] === LINE_FEED) count++;
  return count;
}

/** Where the line ends that has the place `at`: its line feed, or the end of all. */
export function lineEnd(bytes: Buffer, at: number): number {
  const feed = bytes.indexOf(LINE_FEED, at);
  return feed < 0 ? bytes.length : feed;
}

/** Where the line begins that has the place `at`. */
export function lineStart(bytes: Buffer, at: number): number {
  return at === 0 ? 0 : bytes.lastIndexOf(LINE_FEED, at - 1) + 1;
}
