import { type FsckFinding, finding } from "./finding.ts";

const NEWLINE = 10;

/** A walk over the header lines of a commit or tag. */
export interface HeaderCursor {
  /** The header as latin1 text, its last newline included. */
  readonly text: string;
  at: number;
}

/** Checks that the header ends properly and has no NUL, and opens it for reading line by line. */
export function openHeader(content: Uint8Array): HeaderCursor | FsckFinding {
  let end = 0;
  for (; end < content.length; end++) {
    const byte = content[end]!;
    if (byte === 0) return finding("nulInHeader", `unterminated header: NUL at offset ${end}`);
    if (byte === NEWLINE && content[end + 1] === NEWLINE) return cursor(content, end + 1);
  }
  if (end > 0 && content[end - 1] === NEWLINE) return cursor(content, end);
  return finding("unterminatedHeader", "unterminated header");
}

/** Steps over `prefix`; false, without moving, where something else comes. */
export function skipPrefix(header: HeaderCursor, prefix: string): boolean {
  if (!header.text.startsWith(prefix, header.at)) return false;
  header.at += prefix.length;
  return true;
}

/** Takes the rest of the line and steps over its newline. */
export function takeLine(header: HeaderCursor): string {
  const end = header.text.indexOf("\n", header.at);
  const line = header.text.slice(header.at, end < 0 ? undefined : end);
  header.at = end < 0 ? header.text.length : end + 1;
  return line;
}

function cursor(content: Uint8Array, end: number): HeaderCursor {
  return { text: Buffer.from(content.buffer, content.byteOffset, end).toString("latin1"), at: 0 };
}
