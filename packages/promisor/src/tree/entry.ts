import {
  isDotGit,
  isDotGitmodules,
  isNtfsDotGit,
  isNtfsDotGitmodules,
  type ObjectFormat,
  type Oid,
  PackError,
  type TreeVisitor,
  walkTree,
} from "@millrace/pack";
import { PromisorError } from "../errors.ts";

/** What an entry of a tree is, by its mode. */
export type EntryKind = "file" | "executable" | "symlink" | "tree" | "submodule";

/** An entry of a tree. */
export interface Entry {
  readonly name: string;
  readonly kind: EntryKind;
  /** As git has it, `0o100644` say. */
  readonly mode: number;
  /** A submodule's names a commit of another repository. */
  readonly oid: Oid;
}

/** What no name has that is harmless on every system, and what some that are not have. */
const FORBIDDEN = /^$|^\.\.?$|[/\0]/;
const SUSPICIOUS = /^\.|[~\\\x80-\xff]/;

/**
 * Whether a name, one character a byte, would lead out of a folder or into git's own on some system, as git looks at it with
 * `core.protectHFS` and `core.protectNTFS` (verify_path).
 */
export function isForbidden(name: string, mode: number): boolean {
  if (FORBIDDEN.test(name)) return true;
  if (!SUSPICIOUS.test(name)) return false;
  const isLink = kindOf(mode) === "symlink";
  if (isDotGit(name) || (isLink && isDotGitmodules(name))) return true;
  // NTFS takes a backslash for a slash.
  const below = name.split("\\").slice(1);
  return below.some((part) => isNtfsDotGit(part) || (isLink && isNtfsDotGitmodules(part)));
}

const parsed = new WeakMap<Uint8Array, readonly Entry[]>();

/** As `parseEntries`; a content that was parsed before is not parsed again. */
export function entriesOf(content: Uint8Array, format: ObjectFormat, oid: Oid): readonly Entry[] {
  let entries = parsed.get(content);
  if (entries === undefined) {
    entries = parseEntries(content, format, oid);
    parsed.set(content, entries);
  }
  return entries;
}

/**
 * The entries of a tree, in its order. Names that are not UTF-8 have U+FFFD where they are not.
 * Throws `PROMISOR_BAD_TREE` where it is malformed, or has names that no folder can have.
 */
function parseEntries(content: Uint8Array, format: ObjectFormat, oid: Oid): readonly Entry[] {
  const entries: Entry[] = [];
  const text = Buffer.from(content.buffer, content.byteOffset, content.byteLength);
  walkEntries(content, format, oid, (mode, oidStart, nameStart, nameEnd) => {
    const name = text.toString("utf8", nameStart, nameEnd);
    const id = text.toString("hex", oidStart, oidStart + (format === "sha1" ? 20 : 32));
    entries.push({ name, kind: kindOf(mode), mode, oid: id });
  });
  return entries;
}

/**
 * Visits the entries of a tree as `walkTree` does.
 * Throws `PROMISOR_BAD_TREE` where it is malformed, or has names that no folder can have.
 */
export function walkEntries(content: Uint8Array, format: ObjectFormat, oid: Oid, visit: TreeVisitor): void {
  const text = Buffer.from(content.buffer, content.byteOffset, content.byteLength);
  try {
    walkTree(content, format, (mode, oidStart, nameStart, nameEnd) => {
      const name = text.toString("latin1", nameStart, nameEnd);
      if (isForbidden(name, mode)) throw badTree(oid, `an entry called ${JSON.stringify(name)}`);
      visit(mode, oidStart, nameStart, nameEnd);
    });
  } catch (cause) {
    if (!(cause instanceof PackError)) throw cause;
    throw badTree(oid, cause.message, cause);
  }
}

function kindOf(mode: number): EntryKind {
  switch (mode & 0o170000) {
    case 0o040000:
      return "tree";
    case 0o120000:
      return "symlink";
    case 0o160000:
      return "submodule";
    default:
      return (mode & 0o100) === 0 ? "file" : "executable";
  }
}

function badTree(oid: Oid, why: string, cause?: unknown): PromisorError {
  return new PromisorError("PROMISOR_BAD_TREE", `bad tree ${oid}: ${why}`, { oid, cause });
}
