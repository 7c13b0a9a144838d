import { isAscii } from "node:buffer";

/** A file's content as lines of bytes or of characters. Places are offsets in the one or the other. */
export interface SearchedText {
  readonly length: number;
  /** The first line feed at or behind `from`, or the end. */
  lineEnd(from: number): number;
  /** Where the line begins that has the place `at`. */
  lineStart(at: number): number;
  text(start: number, end: number): string;
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
}
