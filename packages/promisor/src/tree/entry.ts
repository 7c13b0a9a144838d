import { type ObjectFormat, type Oid, PackError, walkTree } from "@millrace/pack";
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

/** Names that would lead out of a folder, or into git's own. */
const FORBIDDEN = /^$|^\.\.?$|^\.git$|[/\0]/i;

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
  try {
    walkTree(content, format, (mode, oidStart, nameStart, nameEnd) => {
      const name = text.toString("utf8", nameStart, nameEnd);
      if (FORBIDDEN.test(name)) throw badTree(oid, `an entry called ${JSON.stringify(name)}`);
      const id = text.toString("hex", oidStart, oidStart + (format === "sha1" ? 20 : 32));
      entries.push({ name, kind: kindOf(mode), mode, oid: id });
    });
  } catch (cause) {
    if (!(cause instanceof PackError)) throw cause;
    throw badTree(oid, cause.message, cause);
  }
  return entries;
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
