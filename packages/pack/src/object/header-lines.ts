import { PackError } from "../errors.ts";

const NEWLINE = 10;
const SPACE = 32;

/** The front of a commit or tag, unfolded, and the bytes after its blank line. */
export interface HeaderBlock {
  /** One text a header, latin1 (a character a byte); continuation lines joined with "\n", without their space. */
  readonly lines: readonly string[];
  /** A view of the bytes after the blank line; undefined where there is no blank line. */
  readonly message: Uint8Array | undefined;
}

/** A header that the format does not name, such as `gpgsig`, `mergetag` or `encoding`. */
export interface ObjectHeader {
  /** Latin1 text up to the first space. */
  readonly name: string;
  /** Latin1 text, lines joined with "\n"; undefined for a line without a space. */
  readonly value: string | undefined;
}

/** Splits an object's bytes at its blank line; throws PACK_BAD_OBJECT where a header line does not end. */
export function splitHeaderBlock(bytes: Uint8Array): HeaderBlock {
  const text = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.length);
  const lines: string[] = [];
  let at = 0;
  while (at < bytes.length) {
    if (bytes[at] === NEWLINE) return { lines, message: bytes.subarray(at + 1) };
    const end = bytes.indexOf(NEWLINE, at);
    if (end < 0) throw new PackError("PACK_BAD_OBJECT", "header line does not end", { offset: at });
    if (bytes[at] === SPACE && lines.length > 0) {
      lines[lines.length - 1] += `\n${text.toString("latin1", at + 1, end)}`;
    } else {
      lines.push(text.toString("latin1", at, end));
    }
    at = end + 1;
  }
  return { lines, message: undefined };
}

/** The exact inverse of `splitHeaderBlock`; the bytes belong to the caller. */
export function joinHeaderBlock(lines: readonly string[], message: Uint8Array | undefined): Uint8Array {
  let text = "";
  for (const line of lines) text += `${line.replaceAll("\n", "\n ")}\n`;
  const head = Buffer.from(message === undefined ? text : `${text}\n`, "latin1");
  const bytes = new Uint8Array(head.length + (message?.length ?? 0));
  bytes.set(head);
  if (message !== undefined) bytes.set(message, head.length);
  return bytes;
}

/** Splits a line at its first space. */
export function parseHeader(line: string): ObjectHeader {
  const space = line.indexOf(" ");
  if (space < 0) return { name: line, value: undefined };
  return { name: line.slice(0, space), value: line.slice(space + 1) };
}

/** The exact inverse of `parseHeader`. */
export function formatHeader(header: ObjectHeader): string {
  return header.value === undefined ? header.name : `${header.name} ${header.value}`;
}

/** The value of a line that must start with `name` and a space; undefined where it does not. */
export function headerValue(line: string | undefined, name: string): string | undefined {
  return line?.startsWith(`${name} `) ? line.slice(name.length + 1) : undefined;
}
