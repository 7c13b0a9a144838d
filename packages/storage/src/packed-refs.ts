import type { ObjectFormat, Oid } from "@millrace/pack";
import { compareNames } from "./name-order.ts";
import { createPackedBlocks } from "./packed-blocks.ts";
import {
  badLine,
  corruptRefs,
  type PackedRecord,
  parseRecord,
  recordEnd,
  recordStart,
  sortRecords,
} from "./packed-records.ts";
import { encodeHeader, parseHeader } from "./packed-refs-header.ts";
import { countPlainRecords } from "./plain-records.ts";
import type { RefBatch } from "./ref-lines.ts";
import { checkRefName } from "./ref-name.ts";

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
  /** The same in batches, for who tells many; names that `checkRefName` refuses are left out too. */
  under(prefix: string): PackedRefsWalk;
  /** The file without these refs, all else byte for byte; `undefined` where it has none of them. */
  without(names: Iterable<string>): Uint8Array | undefined;
}

/** A way through refs in byte order. */
export interface PackedRefsWalk {
  /** Goes on to `name`, or to the end: gives the refs before it and passes over the one of just this name. */
  upTo(name?: string): IterableIterator<RefBatch>;
}

/** Refs in fewer bytes are told one by one. */
const FEW_BYTES = 1024;

const LF = 10;

/**
 * Opens a `packed-refs` file (gitrepository-layout; git-pack-refs) of which `bytes` is the whole content, kept and not
 * copied. A sorted file is not parsed: lookups search it, listings start where their prefix does.
 * Throws `STORAGE_CORRUPT` for a header that is none, and where the last line does not end.
 */
export function openPackedRefs(bytes: Uint8Array, format: ObjectFormat): PackedRefs {
  const file = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
  if (file.length > 0 && file[file.length - 1] !== LF) throw corruptRefs("the last line does not end");
  const header = parseHeader(file);
  const hexLength = format === "sha1" ? 40 : 64;
  const lines = header.sorted ? file.subarray(header.end) : sortRecords(file.subarray(header.end), hexLength);

  /** The start of the first record whose name is not before `name`; `lines.length` where all are. */
  const seek = (name: Buffer): number => {
    let low = 0;
    let high = lines.length;
    while (low < high) {
      const start = recordStart(lines, (low + high) >>> 1);
      const nameEnd = lines.indexOf(LF, start);
      const nameStart = start + hexLength + 1;
      if (nameEnd < nameStart) throw badLine(lines, start);
      if (lines.compare(name, 0, name.length, nameStart, nameEnd) < 0) low = recordEnd(lines, start);
      else high = start;
    }
    return low;
  };

  const read = (start: number): PackedRef | undefined => {
    return toRef(parseRecord(lines, start, hexLength));
  };

  const toRef = ({ name, oid, peeled }: PackedRecord): PackedRef | undefined => {
    if (name === undefined) return undefined;
    if (peeled !== undefined) return { name, oid, peeled };
    const known = header.peeling === "all" || (header.peeling === "tags" && name.startsWith("refs/tags/"));
    return known ? { name, oid, peeled: null } : { name, oid };
  };

  const blocks = createPackedBlocks(lines, hexLength);

  function* between(from: number, to: number, isPeeled: boolean): Generator<RefBatch> {
    for (let at = from; at < to; ) {
      const block = to - from < FEW_BYTES ? undefined : blocks.at(at);
      const end = Math.min(to, block?.end ?? to);
      if (block !== undefined && block.count >= 0) {
        const isWhole = at === block.start && end === block.end;
        const bytes = lines.subarray(at, end);
        const count = isWhole ? block.count : countPlainRecords(bytes, 0, bytes.length, hexLength);
        yield { lines: bytes, count, isPeeled };
        at = end;
        continue;
      }
      const refs: PackedRef[] = [];
      do {
        const record = parseRecord(lines, at, hexLength);
        at = record.end;
        const ref = toRef(record);
        if (ref !== undefined && checkRefName(ref.name)) refs.push(ref);
      } while (at < end);
      if (refs.length > 0) yield refs;
    }
  }

  return {
    under(prefix) {
      const start = Buffer.from(prefix);
      // What follows all names with this prefix: no UTF-8 ends in 255.
      const behind = Buffer.from(start);
      if (behind.length > 0) behind[behind.length - 1]!++;
      let at = seek(start);
      const to = behind.length > 0 ? seek(behind) : lines.length;
      const isPeeled =
        header.peeling === "all" || (header.peeling === "tags" && prefix.startsWith("refs/tags/"));
      return {
        *upTo(name) {
          const from = at;
          const stop = name === undefined ? to : Math.min(to, Math.max(at, seek(Buffer.from(name))));
          const isThere =
            stop < to && name !== undefined && parseRecord(lines, stop, hexLength).name === name;
          at = isThere ? recordEnd(lines, stop) : stop;
          yield* between(from, stop, isPeeled);
        },
      };
    },
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
