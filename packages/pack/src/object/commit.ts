import { PackError } from "../errors.ts";
import { isOid, oidFromHexBytes } from "../object-id.ts";
import type { ObjectFormat, Oid } from "../schema.ts";
import {
  formatHeader,
  headerValue,
  joinHeaderBlock,
  type ObjectHeader,
  parseHeader,
  splitHeaderBlock,
} from "./header-lines.ts";

/** A commit, kept so that encoding it gives back its bytes. Texts are latin1: one character a byte, undecoded. */
export interface Commit {
  readonly tree: Oid;
  readonly parents: readonly Oid[];
  /** `Name <email> seconds zone`, as it stands; undefined where the line is missing. */
  readonly author?: string | undefined;
  readonly committer?: string | undefined;
  /** All other headers in their order. */
  readonly headers: readonly ObjectHeader[];
  /** The bytes after the blank line; undefined where there is none. A view of the parsed bytes. */
  readonly message?: Uint8Array | undefined;
}

/** What a walk over history needs of a commit. */
export interface CommitLinks {
  tree: Oid;
  parents: Oid[];
  /** The committer's time in seconds since 1970; 0 where the line does not tell. */
  time: number;
}

const NEWLINE = 10;
const TREE = asciiBytes("tree ");
const PARENT = asciiBytes("parent ");
const AUTHOR = asciiBytes("author ");
const COMMITTER = asciiBytes("committer ");

/** Parses a commit; throws PACK_BAD_OBJECT where the tree is missing or an id is malformed. */
export function parseCommit(bytes: Uint8Array, format: ObjectFormat): Commit {
  const { lines, message } = splitHeaderBlock(bytes);
  const tree = headerValue(lines[0], "tree");
  if (tree === undefined || !isOid(tree, format)) throw bad("commit names no tree");
  let at = 1;
  const parents: Oid[] = [];
  for (
    let oid = headerValue(lines[at], "parent");
    oid !== undefined;
    oid = headerValue(lines[at], "parent")
  ) {
    if (!isOid(oid, format)) throw bad("commit has a malformed parent");
    parents.push(oid);
    at++;
  }
  const author = headerValue(lines[at], "author");
  if (author !== undefined) at++;
  const committer = headerValue(lines[at], "committer");
  if (committer !== undefined) at++;
  return { tree, parents, author, committer, headers: lines.slice(at).map(parseHeader), message };
}

/** Encodes a commit; of a parsed one, its exact bytes. They belong to the caller. */
export function encodeCommit(commit: Commit): Uint8Array {
  const lines = [`tree ${commit.tree}`, ...commit.parents.map((oid) => `parent ${oid}`)];
  if (commit.author !== undefined) lines.push(`author ${commit.author}`);
  if (commit.committer !== undefined) lines.push(`committer ${commit.committer}`);
  for (const header of commit.headers) lines.push(formatHeader(header));
  return joinHeaderBlock(lines, commit.message);
}

/** Reads tree, parents and committer time only; throws PACK_BAD_OBJECT as `parseCommit` does. */
export function readCommitLinks(bytes: Uint8Array, format: ObjectFormat): CommitLinks {
  const digits = format === "sha1" ? 40 : 64;
  if (!startsWith(bytes, 0, TREE)) throw bad("commit names no tree");
  let at = TREE.length;
  const tree = oidFromHexBytes(bytes, at, format);
  if (tree === undefined || bytes[at + digits] !== NEWLINE) throw bad("commit names no tree");
  at += digits + 1;
  const parents: Oid[] = [];
  while (startsWith(bytes, at, PARENT)) {
    at += PARENT.length;
    const oid = oidFromHexBytes(bytes, at, format);
    if (oid === undefined || bytes[at + digits] !== NEWLINE) throw bad("commit has a malformed parent");
    parents.push(oid);
    at += digits + 1;
  }
  return { tree, parents, time: committerTime(bytes, at) };
}

/** The number after the last ">" of the committer line, which follows the author's. */
function committerTime(bytes: Uint8Array, start: number): number {
  if (!startsWith(bytes, start, AUTHOR)) return 0;
  const at = bytes.indexOf(NEWLINE, start) + 1;
  if (at === 0 || !startsWith(bytes, at, COMMITTER)) return 0;
  let end = bytes.indexOf(NEWLINE, at);
  if (end < 0) end = bytes.length;
  let from = end - 1;
  while (from > at && bytes[from] !== 0x3e) from--;
  from++;
  while (from < end && bytes[from] === 0x20) from++;
  let time = 0;
  for (; from < end; from++) {
    const digit = bytes[from]! - 0x30;
    if (digit < 0 || digit > 9) break;
    time = time * 10 + digit;
  }
  return time > Number.MAX_SAFE_INTEGER ? 0 : time;
}

function startsWith(bytes: Uint8Array, at: number, prefix: Uint8Array): boolean {
  for (let i = 0; i < prefix.length; i++) if (bytes[at + i] !== prefix[i]) return false;
  return true;
}

function asciiBytes(text: string): Uint8Array {
  return Uint8Array.from(text, (character) => character.charCodeAt(0));
}

function bad(message: string): PackError {
  return new PackError("PACK_BAD_OBJECT", message);
}
