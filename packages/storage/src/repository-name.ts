import { StorageError } from "./errors.ts";

/** Longest name and longest part of one, in UTF-8 bytes: what file systems and object stores take, with room for suffixes. */
const NAME_BYTES = 900;
const PART_BYTES = 240;

/** Control characters, backslashes, and halves of surrogate pairs, which UTF-8 cannot hold. */
// oxlint-disable-next-line no-control-regex
const FORBIDDEN = /[\u0000-\u001f\u007f\\\p{Surrogate}]/u;

/**
 * Whether a repository can have this name: parts with `/` between them, none of them empty, `.`, `..` or ending in
 * `.lock`, without control characters and backslashes, at most 900 bytes long and 240 a part.
 */
export function isRepositoryName(name: string): boolean {
  if (FORBIDDEN.test(name) || Buffer.byteLength(name) > NAME_BYTES) return false;
  for (const part of name.split("/")) {
    if (part === "" || part === "." || part === ".." || part.endsWith(".lock")) return false;
    if (Buffer.byteLength(part) > PART_BYTES) return false;
  }
  return true;
}

/** Throws `STORAGE_BAD_NAME` unless `isRepositoryName`. */
export function checkRepositoryName(name: string): void {
  if (isRepositoryName(name)) return;
  throw new StorageError("STORAGE_BAD_NAME", `not a repository name: ${JSON.stringify(name)}`, { key: name });
}
