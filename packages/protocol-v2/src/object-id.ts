import type { ObjectFormat, Oid } from "@millrace/pack";

const patterns = { sha1: /^[0-9a-fA-F]{40}$/, sha256: /^[0-9a-fA-F]{64}$/ } as const;

/** An object id as a client wrote it, in lower case; `undefined` where it is none of this format. */
export function parseOid(text: string, format: ObjectFormat): Oid | undefined {
  return patterns[format].test(text) ? text.toLowerCase() : undefined;
}

/** The id that means "no object". */
export function zeroOid(format: ObjectFormat): Oid {
  return "0".repeat(oidLength(format));
}

/** Hex digits of an id. */
export function oidLength(format: ObjectFormat): number {
  return format === "sha1" ? 40 : 64;
}
