import { isOid, type Oid } from "@millrace/pack";
import { StorageError } from "./errors.ts";

const LF = 10;
const CARET = 94;

/** One line of `packed-refs` with the peeled line that may follow it. */
export interface PackedRecord {
  /** `undefined`: not UTF-8. */
  readonly name: string | undefined;
  readonly oid: Oid;
  readonly peeled: Oid | undefined;
  /** Where it ends, the peeled line included. */
  readonly end: number;
}

/** Throws `STORAGE_CORRUPT` where no record starts at `start`. */
export function parseRecord(lines: Buffer, start: number, hexLength: number): PackedRecord {
  const lineEnd = lines.indexOf(LF, start);
  const nameStart = start + hexLength + 1;
  // The id is ASCII in a sound line, so that its characters are its bytes.
  const line = lines.toString("utf8", start, lineEnd);
  const oid = line.slice(0, hexLength);
  if (lineEnd <= nameStart || lines[nameStart - 1] !== 32 || !isOid(oid)) throw badLine(lines, start);
  let name: string | undefined = line.slice(hexLength + 1);
  if (name.includes("\ufffd") && !Buffer.from(name).equals(lines.subarray(nameStart, lineEnd)))
    name = undefined;
  if (lines[lineEnd + 1] !== CARET) return { name, oid, peeled: undefined, end: lineEnd + 1 };
  const peeledEnd = lines.indexOf(LF, lineEnd + 1);
  const peeled = lines.toString("latin1", lineEnd + 2, peeledEnd);
  if (peeled.length !== hexLength || !isOid(peeled)) throw badLine(lines, lineEnd + 1);
  return { name, oid, peeled, end: peeledEnd + 1 };
}

/** The start of the record that the byte at `at` is in. */
export function recordStart(lines: Buffer, at: number): number {
  let start = at === 0 ? 0 : lines.lastIndexOf(LF, at - 1) + 1;
  if (lines[start] === CARET && start > 0) start = lines.lastIndexOf(LF, start - 2) + 1;
  return start;
}

/** Where the record at `start` ends: behind its peeled line if it has one. */
export function recordEnd(lines: Buffer, start: number): number {
  const end = lines.indexOf(LF, start) + 1;
  return lines[end] === CARET ? lines.indexOf(LF, end) + 1 : end;
}

/** The same records in byte order of their names: files of old gits are not sorted. */
export function sortRecords(lines: Buffer, hexLength: number): Buffer {
  const records: { readonly name: Buffer; readonly bytes: Buffer }[] = [];
  for (let at = 0; at < lines.length; ) {
    parseRecord(lines, at, hexLength);
    const end = recordEnd(lines, at);
    const name = lines.subarray(at + hexLength + 1, lines.indexOf(LF, at));
    records.push({ name, bytes: lines.subarray(at, end) });
    at = end;
  }
  records.sort((a, b) => Buffer.compare(a.name, b.name));
  return Buffer.concat(records.map((record) => record.bytes));
}

/** The error for the line at `start`, which is none that belongs there. */
export function badLine(lines: Buffer, start: number): StorageError {
  const end = lines.indexOf(LF, start);
  const line = lines.toString("utf8", start, Math.min(end < 0 ? lines.length : end, start + 200));
  return corruptRefs(`unexpected line ${JSON.stringify(line)}`);
}

export function corruptRefs(message: string): StorageError {
  return new StorageError("STORAGE_CORRUPT", `packed-refs: ${message}`, { key: "packed-refs" });
}
