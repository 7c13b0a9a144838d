import { isAscii } from "node:buffer";

/** A file's content as lines of bytes or of characters. Places are offsets in the one or the other. */
export interface SearchedText {
  readonly length: number;
  /** The first line feed at or behind `from`, or the end. */
  lineEnd(from: number): number;
  /** Where the line begins that has the place `at`. */
  lineStart(at: number): number;
  text(start: number, end: number): string;
  /** Line feeds from `start` to before `end`. */
  countLines(start: number, end: number): number;
}

/** A content as bytes. */
export class SearchedBytes implements SearchedText {
  readonly bytes: Buffer;
  readonly length: number;

  constructor(bytes: Buffer) {
    this.bytes = bytes;
    this.length = bytes.length;
  }

  lineEnd(from: number): number {
    const feed = this.bytes.indexOf(0x0a, from);
    return feed < 0 ? this.length : feed;
  }

  lineStart(at: number): number {
    return at === 0 ? 0 : this.bytes.lastIndexOf(0x0a, at - 1) + 1;
  }

  text(start: number, end: number): string {
    return this.bytes.toString("utf8", start, end);
  }

  countLines(start: number, end: number): number {
    return countLineFeeds(this.bytes, start, end);
  }
}

/** A content as characters. */
export class SearchedCharacters implements SearchedText {
  readonly characters: string;
  readonly length: number;

  constructor(bytes: Buffer) {
    // What is ASCII alone is copied, not decoded.
    this.characters = isAscii(bytes) ? bytes.toString("latin1") : bytes.toString("utf8");
    this.length = this.characters.length;
  }

  lineEnd(from: number): number {
    const feed = this.characters.indexOf("\n", from);
    return feed < 0 ? this.length : feed;
  }

  lineStart(at: number): number {
    return at === 0 ? 0 : this.characters.lastIndexOf("\n", at - 1) + 1;
  }

  text(start: number, end: number): string {
    return this.characters.slice(start, end);
  }

  countLines(start: number, end: number): number {
    let count = 0;
    for (let at = this.characters.indexOf("\n", start); at >= 0 && at < end; count++) {
      at = this.characters.indexOf("\n", at + 1);
    }
    return count;
  }
}

const LINE_FEED = 0x0a;
const NO_WORDS = new Int32Array(0);
/** Words after which the counts of single bytes could overflow. */
const LANE_WORDS = 255;

/** Line feeds among bytes, four bytes at a time: a search for each would cost a call a line. */
function countLineFeeds(bytes: Uint8Array, start: number, end: number): number {
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
