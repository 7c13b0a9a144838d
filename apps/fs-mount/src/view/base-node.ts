import type { Oid } from "@millrace/pack";
import type { BaseContents } from "./base-contents.ts";
import type { BaseEntry, BaseTree } from "./base-tree.ts";
import type { LookedAtDirectory } from "./directory-contents.ts";
import { inodeOf, ROOT_INO } from "./inode.ts";
import type { CountedNode } from "./node-table.ts";
import type { NodeAttributes, NodeKind, ViewNode } from "./view.ts";

/** Of what is no directory, and never has any. */
const NO_CHILDREN: Map<string, BaseNode> = new Map();

/** A node of the base: what the tree says, and what has been learnt of it. */
export class BaseNode implements ViewNode, CountedNode, LookedAtDirectory {
  readonly id: number;
  readonly ino: number;
  readonly kind: NodeKind;
  readonly mode: number;
  readonly oid: Oid | undefined;
  readonly name: string;
  readonly parent: BaseNode;
  /** Of a directory: those of its nodes that live. */
  readonly children: Map<string, BaseNode>;
  references = 0;
  /** Of a directory that was looked into. */
  tree: BaseTree | undefined;
  isListed = false;
  isMeasured = false;
  isPrefetched = false;
  measuring: Promise<void> | undefined;
  measuringLinks: Promise<void> | undefined;
  /** What is here and in no object. */
  content: Uint8Array | undefined;
  readonly #shared: { readonly mtimeSeconds: number; readonly contents: BaseContents };

  constructor(
    id: number,
    parent: BaseNode | undefined,
    entry: BaseEntry,
    shared: { readonly mtimeSeconds: number; readonly contents: BaseContents },
  ) {
    this.id = id;
    this.parent = parent ?? this;
    this.name = entry.name;
    this.kind = entry.kind;
    this.mode = entry.mode;
    this.oid = entry.oid;
    this.#shared = shared;
    this.children = entry.kind === "directory" ? new Map() : NO_CHILDREN;
    this.ino = parent === undefined ? ROOT_INO : inodeOfEntry(parent.ino, entry);
  }

  get sizeBytes(): number | undefined {
    if (this.kind === "directory") return 4096;
    if (this.oid === undefined) return this.content?.length ?? 0;
    return this.#shared.contents.sizeOf(this.oid);
  }

  get attributes(): NodeAttributes {
    const time = { seconds: this.#shared.mtimeSeconds, nanoseconds: 0 };
    return {
      mode: this.mode,
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
export function inodeOfEntry(directory: number, { name, kind, mode, oid }: BaseEntry): number {
  return inodeOf(directory, name, mode, kind === "directory" ? undefined : oid);
}
