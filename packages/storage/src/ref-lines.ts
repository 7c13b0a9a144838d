import type { ObjectFormat } from "@millrace/pack";
import type { Ref } from "./contract.ts";

/**
 * Refs as a `packed-refs` file has them (gitrepository-layout): lines of `<oid> <name>`, behind that of an annotated tag
 * a line `^<oid>` with what it finally points to. None of them is symbolic, all names are ASCII and valid.
 */
export interface RefLines {
  /** Whole records, in byte order of their names. Shared with a cache: read, do not write. */
  readonly lines: Uint8Array;
  /** How many refs that are. */
  readonly count: number;
  /** Whether tags are told with what they point to; else a ref without such a line may be one too. */
  readonly isPeeled: boolean;
}

/** Refs in order: one by one, or as they lie in a file. */
export type RefBatch = readonly Ref[] | RefLines;

export function isRefLines(batch: RefBatch): batch is RefLines {
  return "lines" in batch;
}

/** How many refs a batch holds. */
export function countRefs(batch: RefBatch): number {
  return isRefLines(batch) ? batch.count : batch.length;
}

/** The refs of a batch one by one. */
export function refsOf(batch: RefBatch, format: ObjectFormat): readonly Ref[] {
  if (!isRefLines(batch)) return batch;
  const { lines, isPeeled } = batch;
  const hexLength = format === "sha1" ? 40 : 64;
  const text = Buffer.from(lines.buffer, lines.byteOffset, lines.byteLength).toString("latin1");
  const refs: Ref[] = [];
  for (let at = 0; at < text.length; ) {
    const end = text.indexOf("\n", at);
    const oid = text.slice(at, at + hexLength);
    const name = text.slice(at + hexLength + 1, end);
    at = end + 1;
    if (text[at] === "^") {
      refs.push({ name, oid, peeled: text.slice(at + 1, at + 1 + hexLength) });
      at += hexLength + 2;
    } else refs.push(isPeeled ? { name, oid, peeled: null } : { name, oid });
  }
  return refs;
}
