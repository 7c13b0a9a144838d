import type { Oid } from "@millrace/pack";
import type { BaseEntry, BaseTree } from "./base-tree.ts";
import { inodeOf, ROOT_INO } from "./inode.ts";
import type { NodeAttributes, NodeKind, ViewNode } from "./view.ts";

/** Types and permissions, as they are part of inode numbers. */
export const MODE_OF: Readonly<Record<NodeKind, number>> = {
  file: 0o100644,
  executable: 0o100755,
  symlink: 0o120777,
  directory: 0o040755,
};

/** A node of the base: what the tree says, and what has been learnt of it. */
export class BaseNode implements ViewNode {
  readonly id: number;
  readonly ino: number;
  readonly kind: NodeKind;
  readonly oid: Oid | undefined;
  readonly name: string;
  readonly parent: BaseNode;
  readonly mtimeSeconds: number;
  /** Of a directory: those of its nodes that live. */
  readonly children: Map<string, BaseNode> = new Map();
  references = 0;
  /** Of a directory that was looked into. */
  tree: BaseTree | undefined;
  /** Of a directory: somebody has listed it, has wanted the size of one file, its files were asked for in advance. */
  isListed = false;
  isMeasured = false;
  isPrefetched = false;
  /** Of a symbolic link that was followed. */
  target: string | undefined;
  /** What is here and in no object. */
  content: Uint8Array | undefined;
  readonly #sizes: ReadonlyMap<Oid, number>;

  constructor(
    id: number,
    parent: BaseNode | undefined,
    entry: BaseEntry,
    shared: { readonly mtimeSeconds: number; readonly sizes: ReadonlyMap<Oid, number> },
  ) {
    this.id = id;
    this.parent = parent ?? this;
    this.name = entry.name;
    this.kind = entry.kind;
    this.oid = entry.oid;
    this.mtimeSeconds = shared.mtimeSeconds;
    this.#sizes = shared.sizes;
    this.ino = parent === undefined ? ROOT_INO : inodeOfEntry(parent.ino, entry);
  }

  get sizeBytes(): number | undefined {
    if (this.kind === "directory") return 4096;
    if (this.target !== undefined) return this.target.length;
    if (this.oid === undefined) return this.content?.length ?? 0;
    return this.#sizes.get(this.oid);
  }

  get attributes(): NodeAttributes {
    const time = { seconds: this.mtimeSeconds, nanoseconds: 0 };
    return {
      mode: MODE_OF[this.kind],
      // One also for directories, as some native file systems have it: nobody may conclude from it that there are no others inside.
      nlink: 1,
      uid: undefined,
      gid: undefined,
      rdev: 0,
      atime: time,
      mtime: time,
      ctime: time,
    };
  }
}

/** The inode number that an entry has in the directory with this one. */
export function inodeOfEntry(directory: number, { name, kind, oid }: BaseEntry): number {
  return inodeOf(directory, name, MODE_OF[kind], kind === "directory" ? undefined : oid);
}
