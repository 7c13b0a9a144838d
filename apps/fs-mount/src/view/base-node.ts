import type { Oid } from "@millrace/pack";
import type { BaseEntry, BaseTree } from "./base-tree.ts";
import { hashName, inodeOf, type PathHash, ROOT_PATH } from "./inode.ts";
import type { NodeKind, ViewNode } from "./view.ts";

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
  readonly path: PathHash;
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
    this.path = parent === undefined ? ROOT_PATH : hashName(parent.path, entry.name);
    this.ino = parent === undefined ? 1 : inodeOfEntry(this.path, entry);
  }

  get sizeBytes(): number | undefined {
    if (this.kind === "directory") return 4096;
    if (this.target !== undefined) return this.target.length;
    if (this.oid === undefined) return this.content?.length ?? 0;
    return this.#sizes.get(this.oid);
  }
}

/** The inode number that an entry has at its path. */
export function inodeOfEntry(path: PathHash, { kind, oid }: BaseEntry): number {
  return inodeOf(path, kind === "directory" ? undefined : oid, MODE_OF[kind]);
}
