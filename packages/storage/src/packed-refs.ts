import { type ObjectFormat, type Oid, isOid } from "@millrace/pack";
import { StorageError } from "./errors.ts";
import { compareNames } from "./name-order.ts";
import { encodeHeader, parseHeader } from "./packed-refs-header.ts";

/** One line of `packed-refs`, with the peeled line that follows it. */
export interface PackedRef {
  readonly name: string;
  readonly oid: Oid;
  /** As in `Ref`: `null`, known not to be a tag; `undefined`, not known. */
  readonly peeled?: Oid | null | undefined;
}

/** A `packed-refs` file, searched where it lies. Every method throws `STORAGE_CORRUPT` where it meets a bad line. */
export interface PackedRefs {
  find(name: string): PackedRef | undefined;
  /** Refs whose names start with `prefix`, in byte order. Names that are not UTF-8 are left out. */
  entries(prefix?: string): IterableIterator<PackedRef>;
  /** The file without these refs, all else byte for byte; `undefined` where it has none of them. */
  without(names: Iterable<string>): Uint8Array | undefined;
}

const LF = 10;
const CARET = 94;

/**
 * Opens a `packed-refs` file (gitrepository-layout; git-pack-refs) of which `bytes` is the whole content, kept and not
 * copied. A sorted file is not parsed: lookups search it, listings start where their prefix does.
 * Throws `STORAGE_CORRUPT` for a header that is none, and where the last line does not end.
 */
export function openPackedRefs(bytes: Uint8Array, format: ObjectFormat): PackedRefs {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (file.length > 0 && file[file.length - 1] !== LF) throw corrupt("the last line does not end");
  const header = parseHeader(file);
  const hexLength = format === "sha1" ? 40 : 64;
  const lines = header.sorted ? file.subarray(header.end) : sortRecords(file.subarray(header.end), hexLength);

  /** The start of the record that the byte at `at` is in. */
  const recordStart = (at: number): number => {
    let start = at === 0 ? 0 : lines.lastIndexOf(LF, at - 1) + 1;
    if (lines[start] === CARET && start > 0) start = lines.lastIndexOf(LF, start - 2) + 1;
    return start;
  };

  /** The start of the first record whose name is not before `name`; `lines.length` where all are. */
  const seek = (name: Buffer): number => {
    let low = 0;
    let high = lines.length;
    while (low < high) {
      const start = recordStart((low + high) >>> 1);
      const nameEnd = lines.indexOf(LF, start);
      const nameStart = start + hexLength + 1;
      if (nameEnd < nameStart) throw corrupt(lineAt(lines, start));
      if (lines.compare(name, 0, name.length, nameStart, nameEnd) < 0) low = recordEnd(lines, start);
      else high = start;
    }
    return low;
  };

  const read = (start: number): PackedRef | undefined => {
    return toRef(parseRecord(lines, start, hexLength));
  };

  const toRef = ({ name, oid, peeled }: Record): PackedRef | undefined => {
    if (name === undefined) return undefined;
    if (peeled !== undefined) return { name, oid, peeled };
    const known = header.peeling === "all" || (header.peeling === "tags" && name.startsWith("refs/tags/"));
    return known ? { name, oid, peeled: null } : { name, oid };
  };

  return {
    find(name) {
      const start = seek(Buffer.from(name));
      if (start === lines.length) return undefined;
      const ref = read(start);
      return ref?.name === name ? ref : undefined;
    },
    *entries(prefix = "") {
      const wanted = Buffer.from(prefix);
      for (let at = prefix === "" ? 0 : seek(wanted); at < lines.length; ) {
        const nameStart = at + hexLength + 1;
        const nameEnd = Math.min(nameStart + wanted.length, lines.length);
        if (wanted.length > 0 && lines.compare(wanted, 0, wanted.length, nameStart, nameEnd) !== 0) return;
        const record = parseRecord(lines, at, hexLength);
        at = record.end;
        const ref = toRef(record);
        if (ref !== undefined) yield ref;
      }
    },
    without(names) {
      const kept: Uint8Array[] = [encodeHeader(header.peeling)];
      let from = 0;
      for (const name of [...new Set(names)].sort(compareNames)) {
        const start = seek(Buffer.from(name));
        if (start === lines.length || parseRecord(lines, start, hexLength).name !== name) continue;
        kept.push(lines.subarray(from, start));
        from = recordEnd(lines, start);
      }
      if (from === 0) return undefined;
      kept.push(lines.subarray(from));
      return Buffer.concat(kept);
    },
  };
}

/** Where the record at `start` ends: behind its peeled line if it has one. */
function recordEnd(lines: Buffer, start: number): number {
  const end = lines.indexOf(LF, start) + 1;
  return lines[end] === CARET ? lines.indexOf(LF, end) + 1 : end;
}

interface Record {
  /** `undefined`: not UTF-8. */
  readonly name: string | undefined;
  readonly oid: Oid;
  readonly peeled: Oid | undefined;
  /** Where it ends, the peeled line included. */
  readonly end: number;
}

function parseRecord(lines: Buffer, start: number, hexLength: number): Record {
  const lineEnd = lines.indexOf(LF, start);
  const nameStart = start + hexLength + 1;
  // The id is ASCII in a sound line, so that its characters are its bytes.
  const line = lines.toString("utf8", start, lineEnd);
  const oid = line.slice(0, hexLength);
  if (lineEnd <= nameStart || lines[nameStart - 1] !== 32 || !isOid(oid)) throw corrupt(lineAt(lines, start));
  let name: string | undefined = line.slice(hexLength + 1);
  if (name.includes("\ufffd") && !Buffer.from(name).equals(lines.subarray(nameStart, lineEnd)))
    name = undefined;
  if (lines[lineEnd + 1] !== CARET) return { name, oid, peeled: undefined, end: lineEnd + 1 };
  const peeledEnd = lines.indexOf(LF, lineEnd + 1);
  const peeled = lines.toString("latin1", lineEnd + 2, peeledEnd);
  if (peeled.length !== hexLength || !isOid(peeled)) throw corrupt(lineAt(lines, lineEnd + 1));
  return { name, oid, peeled, end: peeledEnd + 1 };
}

/** The same records in byte order of their names: files of old gits are not sorted. */
function sortRecords(lines: Buffer, hexLength: number): Buffer {
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

function lineAt(lines: Buffer, start: number): string {
  const end = lines.indexOf(LF, start);
  return `unexpected line ${JSON.stringify(lines.toString("utf8", start, Math.min(end < 0 ? lines.length : end, start + 200)))}`;
}

function corrupt(message: string): StorageError {
  return new StorageError("STORAGE_CORRUPT", `packed-refs: ${message}`, { key: "packed-refs" });
}
