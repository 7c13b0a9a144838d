import { type ObjectFormat, type Oid, oidFromBytes, PackError, walkTree } from "@millrace/pack";
import { MountError } from "../errors.ts";
import { MODE_OF } from "./mode.ts";
import type { NodeKind, TreeContent } from "./view.ts";

/** An entry of a tree, as a mount shows it. */
export interface BaseEntry {
  /** Bytes, one to a character. */
  readonly name: string;
  readonly kind: NodeKind;
  /** Type and permissions as they are shown. */
  readonly mode: number;
  /** Of a blob or tree, or what its content is called; of a submodule `undefined`: its commit is in another repository. */
  readonly oid: Oid | undefined;
  /** The commit of a submodule. */
  readonly commit?: Oid | undefined;
}

/** What is in a directory that nobody has changed. */
export type BaseTree = ReadonlyMap<string, BaseEntry>;

/** Of one name; no file system of Linux has longer ones. */
const MAX_NAME_BYTES = 255;
/** Names that would lead out of the directory, or hide git's own: git takes none of these into an index either. */
const FORBIDDEN = /^\.\.?$|^\.git$|^git~1$|\//i;

/**
 * Reads a tree, in its order.
 * @param ids as `TreeContent` has them
 * @throws MountError MOUNT_BAD_TREE where it is malformed, names something twice, or has a name that no folder can have
 */
export function parseBaseTree(
  content: Uint8Array,
  format: ObjectFormat,
  oid: Oid,
  ids?: TreeContent["ids"],
): BaseTree {
  const entries = new Map<string, BaseEntry>();
  const bytes = Buffer.from(content.buffer, content.byteOffset, content.byteLength);
  try {
    walkTree(content, format, (mode, oidStart, nameStart, nameEnd) => {
      const name = bytes.toString("latin1", nameStart, nameEnd);
      if (FORBIDDEN.test(name) || name.length > MAX_NAME_BYTES) throw badTree(oid, `it names ${shown(name)}`);
      if (entries.has(name)) throw badTree(oid, `it names ${shown(name)} twice`);
      const id = oidFromBytes(content, oidStart, format);
      const type = mode & 0o170000;
      const kind = type === 0o160000 || type === 0o040000 ? "directory" : kindOfBlob(type, mode);
      const isSubmodule = type === 0o160000;
      entries.set(name, {
        name,
        kind,
        mode: MODE_OF[kind],
        oid: isSubmodule ? undefined : (ids?.get(name) ?? id),
        commit: isSubmodule ? id : undefined,
      });
    });
  } catch (error) {
    if (error instanceof PackError) throw badTree(oid, error.message, error);
    throw error;
  }
  return entries;
}

function kindOfBlob(type: number, mode: number): NodeKind {
  if (type === 0o120000) return "symlink";
  return (mode & 0o100) === 0 ? "file" : "executable";
}

function shown(name: string): string {
  return JSON.stringify(Buffer.from(name.slice(0, 80), "latin1").toString());
}

function badTree(oid: Oid, why: string, cause?: unknown): MountError {
  return new MountError("MOUNT_BAD_TREE", `the tree ${oid} cannot be shown: ${why}`, { oid, cause });
}
