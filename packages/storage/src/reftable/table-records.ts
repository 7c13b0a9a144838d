import type { Oid } from "@millrace/pack";

/**
 * A ref in a table. Keys are names as tables sort and keep them: their bytes, one character each, so that any name
 * survives and `<` orders them; names in ASCII are their own keys. Without id and target it says that the ref is gone.
 */
export interface TableRef {
  readonly key: string;
  /** Which update of the repository's refs made it so. */
  readonly updateIndex: number;
  readonly oid: Oid | undefined;
  /** What an annotated tag finally points to. */
  readonly peeled: Oid | undefined;
  /** The key of the ref that a symbolic one points to. */
  readonly symref: string | undefined;
}

/** An entry of a ref's log. Without a move it says that the one of this index is gone. */
export interface TableLog {
  readonly key: string;
  readonly updateIndex: number;
  readonly move: LogMove | undefined;
}

/** A move of a ref as its log tells it; texts are bytes. */
export interface LogMove {
  /** `null`: the ref was not there. */
  readonly old: Oid | null;
  readonly new: Oid | null;
  readonly name: Uint8Array;
  readonly email: Uint8Array;
  /** Seconds since 1970. */
  readonly time: number;
  /** The time zone as git writes it, read as a decimal number: `-0230` is -230. */
  readonly zone: number;
  /** Ends with a line feed where git has written it; empty for none. */
  readonly message: Uint8Array;
}

/** Whether a record says that its ref is gone. */
export function isDeletion(ref: TableRef): boolean {
  return ref.oid === undefined && ref.symref === undefined;
}

// oxlint-disable-next-line no-control-regex
const ASCII = /^[\u0000-\u007f]*$/;

/** The key of a name. */
export function keyOfName(name: string): string {
  return ASCII.test(name) ? name : Buffer.from(name).toString("latin1");
}

/** The name of a key; `undefined` where its bytes are not UTF-8. */
export function nameOfKey(key: string): string | undefined {
  if (ASCII.test(key)) return key;
  const name = Buffer.from(key, "latin1").toString("utf8");
  return keyOfName(name) === key ? name : undefined;
}
