import { PackError } from "./errors.ts";
import type { ObjectFormat, Oid } from "./schema.ts";

const ZERO = { sha1: "0".repeat(40), sha256: "0".repeat(64) } as const;
const EMPTY_TREE = {
  sha1: "4b825dc642cb6eb9a060e54bf8d69288fbee4904",
  sha256: "6ef19b41225c5369f1c104d45d8d85efa9b057b53b14b4b9b939dd74decc5321",
} as const;

/** Value of each hex digit by its character code, 255 for anything else; upper case does not count. */
const NIBBLES: Uint8Array = new Uint8Array(256).fill(255);
for (let i = 0; i < 16; i++) NIBBLES["0123456789abcdef".charCodeAt(i)] = i;

const scratch: Buffer = Buffer.alloc(32);

/** Bytes of a raw object id: 20 for sha1, 32 for sha256. */
export function hashLength(format: ObjectFormat): 20 | 32 {
  return format === "sha1" ? 20 : 32;
}

/** The all-zero id, which stands for "no object" in ref updates (gitprotocol-pack). */
export function zeroOid(format: ObjectFormat): Oid {
  return ZERO[format];
}

/** The id of the tree without entries, which git knows without having it stored. */
export function emptyTreeOid(format: ObjectFormat): Oid {
  return EMPTY_TREE[format];
}

/** Whether `text` is an object id in lower-case hex, of `format` where given, else of either format. */
export function isOid(text: string, format?: ObjectFormat): boolean {
  const digits = text.length;
  if (format === undefined ? digits !== 40 && digits !== 64 : digits !== 2 * hashLength(format)) return false;
  for (let i = 0; i < digits; i++) {
    if (nibble(text.charCodeAt(i)) > 15) return false;
  }
  return true;
}

/**
 * The id whose raw bytes start at `offset`.
 * Throws PACK_BAD_OID where `bytes` ends inside it.
 */
export function oidFromBytes(bytes: Uint8Array, offset: number, format: ObjectFormat): Oid {
  const length = format === "sha1" ? 20 : 32;
  if (offset < 0 || offset + length > bytes.length) {
    throw new PackError("PACK_BAD_OID", "bytes end inside an object id", { offset });
  }
  for (let i = 0; i < length; i++) scratch[i] = bytes[offset + i]!;
  return scratch.toString("hex", 0, length);
}

/** The id that stands in lower-case hex at `offset`, as commits and tags hold it; undefined where none does. */
export function oidFromHexBytes(bytes: Uint8Array, offset: number, format: ObjectFormat): Oid | undefined {
  const length = format === "sha1" ? 20 : 32;
  if (offset + 2 * length > bytes.length) return undefined;
  for (let i = 0; i < length; i++) {
    const high = NIBBLES[bytes[offset + 2 * i]!]!;
    const low = NIBBLES[bytes[offset + 2 * i + 1]!]!;
    if (high > 15 || low > 15) return undefined;
    scratch[i] = (high << 4) | low;
  }
  return scratch.toString("hex", 0, length);
}

/** The raw bytes of an id, 20 or 32, owned by the caller; throws PACK_BAD_OID. */
export function oidToBytes(oid: Oid): Uint8Array {
  const bytes = new Uint8Array(oid.length === 64 ? 32 : 20);
  writeOid(oid, bytes, 0);
  return bytes;
}

/** Writes the raw bytes of an id at `offset`; throws PACK_BAD_OID for anything but an id, or where they do not fit. */
export function writeOid(oid: Oid, target: Uint8Array, offset: number): void {
  const length = oid.length >> 1;
  if ((oid.length !== 40 && oid.length !== 64) || offset < 0 || offset + length > target.length) {
    throw new PackError("PACK_BAD_OID", `not an object id: ${JSON.stringify(oid.slice(0, 80))}`);
  }
  for (let i = 0; i < length; i++) {
    const high = nibble(oid.charCodeAt(2 * i));
    const low = nibble(oid.charCodeAt(2 * i + 1));
    if (high > 15 || low > 15)
      throw new PackError("PACK_BAD_OID", `not an object id: ${JSON.stringify(oid)}`);
    target[offset + i] = (high << 4) | low;
  }
}

function nibble(code: number): number {
  return code < 256 ? NIBBLES[code]! : 255;
}
