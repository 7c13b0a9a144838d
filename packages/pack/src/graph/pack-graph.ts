import { hashLength, oidFromBytes } from "../object-id.ts";
import { objectTypeOfKind, type EntryKind } from "../scan/pack-entry.ts";
import type { ObjectFormat, ObjectType, Oid } from "../schema.ts";
import { ExpansionCache, expandTree } from "./expand-tree.ts";
import { type GraphColumns, SIZE_LARGE, SIZE_UNKNOWN } from "./graph-columns.ts";
import { GITLINK, NODE_COMMIT, NODE_TREE_BY_BASE, NODE_TYPE_MASK } from "./node-kind.ts";

const CACHED_ENTRIES = 128 * 1024;
const WORD = 0x100000000;

/**
 * What the objects of one pack refer to, as numbers. A node below `count` is an entry of the pack, by its rank in pack
 * order; from there on nodes are externals, which the pack refers to and does not have. The columns are open to walks
 * that must be quick; nothing of them is to be changed.
 */
export class PackGraph implements GraphColumns {
  readonly format: ObjectFormat;
  readonly packChecksum: Uint8Array;
  readonly count: number;
  readonly externalCount: number;
  readonly kinds: Uint8Array;
  readonly sizes: Uint32Array;
  readonly largeSizes: Float64Array;
  readonly starts: Uint32Array;
  readonly ends: Uint32Array;
  readonly words: Int32Array;
  readonly externalOids: Uint8Array;
  readonly #expanded = new ExpansionCache(CACHED_ENTRIES);
  #isReferred: Uint8Array | undefined;
  #roots: Int32Array | undefined;

  /** Takes columns and what checking them has answered. */
  constructor(columns: GraphColumns, isReferred: Uint8Array) {
    this.#isReferred = isReferred;
    this.format = columns.format;
    this.packChecksum = columns.packChecksum;
    this.count = columns.count;
    this.externalCount = columns.kinds.length - columns.count;
    this.kinds = columns.kinds;
    this.sizes = columns.sizes;
    this.largeSizes = columns.largeSizes;
    this.starts = columns.starts;
    this.ends = columns.ends;
    this.words = columns.words;
    this.externalOids = columns.externalOids;
  }

  /** Memory that the columns take. */
  get memoryBytes(): number {
    const { kinds, sizes, largeSizes, starts, words, externalOids } = this;
    return (
      kinds.byteLength +
      sizes.byteLength +
      largeSizes.byteLength +
      starts.byteLength +
      words.byteLength +
      externalOids.byteLength
    );
  }

  /** A node's type; of an external, what those who refer to it take it for. */
  type(node: number): ObjectType {
    return objectTypeOfKind((this.kinds[node]! & NODE_TYPE_MASK) as EntryKind)!;
  }

  /** Inflated bytes of an entry; `undefined` where the graph does not know. */
  sizeBytes(node: number): number | undefined {
    const size = this.sizes[node]!;
    if (size < SIZE_LARGE) return size;
    return size === SIZE_UNKNOWN ? undefined : this.largeSizes[size - SIZE_LARGE];
  }

  /** The committer's time of a commit, in seconds since 1970. */
  commitTime(commit: number): number {
    const at = this.starts[commit]!;
    return (this.words[at]! >>> 0) + this.words[at + 1]! * WORD;
  }

  commitTree(commit: number): number {
    return this.words[this.starts[commit]! + 2]!;
  }

  parentCount(commit: number): number {
    return this.starts[commit + 1]! - this.starts[commit]! - 3;
  }

  parent(commit: number, which: number): number {
    return this.words[this.starts[commit]! + 3 + which]!;
  }

  tagTarget(tag: number): number {
    return this.words[this.starts[tag]!]!;
  }

  /** The tree that a tree is told by; -1 where it is told plainly. */
  treeBase(tree: number): number {
    return this.kinds[tree] === NODE_TREE_BY_BASE ? this.words[this.starts[tree]!]! : -1;
  }

  /** The entries of a tree of the pack in its order: nodes, or `GITLINK`. Shared: read, do not write. */
  treeEntries(tree: number): Int32Array {
    return expandTree(this, tree, this.#expanded);
  }

  /**
   * Nodes of the pack that no other object of it refers to: who has these has the whole pack. Computed once, shared, not
   * to be changed.
   */
  roots(): Int32Array {
    if (this.#roots === undefined) {
      const isReferred = this.#isReferred!;
      const found: number[] = [];
      for (let node = isReferred.indexOf(0); node >= 0 && node < this.count; ) {
        found.push(node);
        node = isReferred.indexOf(0, node + 1);
      }
      this.#roots = Int32Array.from(found);
      this.#isReferred = undefined;
    }
    return this.#roots;
  }

  /**
   * Visits the nodes that an entry names itself: of a tree told by another one, not what it has in common with that.
   * Over all entries of a pack these are all that its objects refer to.
   */
  eachOwnLink(entry: number, visit: (node: number) => void): void {
    const kind = this.kinds[entry]!;
    const end = this.ends[entry]!;
    let at = this.starts[entry]!;
    if (kind === NODE_COMMIT) at += 2;
    else if (kind === NODE_TREE_BY_BASE) at += 1;
    for (; at < end; at++) {
      const word = this.words[at]!;
      // A run of entries takes two words.
      if (word < 0) at++;
      else if (word !== GITLINK) visit(word);
    }
  }

  externalOid(node: number): Oid {
    return oidFromBytes(this.externalOids, (node - this.count) * hashLength(this.format), this.format);
  }
}
