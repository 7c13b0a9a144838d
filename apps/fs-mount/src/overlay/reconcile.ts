import type { Oid } from "@millrace/pack";
import { objectOf } from "../filters/content-id.ts";
import { nodeOfLower } from "./names.ts";
import { isDirectory, isFile } from "../view/mode.ts";
import {
  isSameGitMode,
  type LowerEntry,
  type LowerTree,
  type OverlayEntry,
  type OverlayNode,
  WHITEOUT,
} from "./row.ts";
import { inoOfLower, inoOfRow } from "./row-inode.ts";
import type { RowChange, Rows } from "./row-layer.ts";

const ROOT = 1;
const NO_TREE: LowerTree = new Map();

/**
 * How a content here compares to a blob: it is another one, it is the same, or it is the same and can be read from elsewhere for good,
 * through a loss of power too, so that the content here is given up for it.
 */
export type Comparison = "other" | "same" | "elsewhere";

/** What a change of the base has to know and cannot look up itself. */
export interface ReconcileSource {
  tree(oid: Oid): Promise<LowerTree>;
  /** Compares the content of a file or link here to a blob. */
  compare(node: OverlayNode, oid: Oid): Promise<Comparison>;
  /** Called at once when the rows are as the new base wants them. */
  applied?(): void;
}

/** What a plan lacked. */
export interface Missing {
  readonly trees: Oid[];
  readonly contents: { readonly node: OverlayNode; readonly oid: Oid }[];
}

/** What a plan is made from. */
export interface ReconcileInputs {
  readonly rows: Rows & { entries(directory: number): Iterable<[string, OverlayEntry]> };
  /** Its row may not go, since somebody knows its id. */
  readonly isHeld: (id: number) => boolean;
  readonly tree: (oid: Oid) => LowerTree | undefined;
  /** `undefined` where nobody has asked. */
  readonly compare: (node: OverlayNode, oid: Oid) => Comparison | undefined;
}

/**
 * Puts into `change` what lets `newTree` lie below the root and shows what has been shown: for each name in a directory where rows are,
 * - a row that hides what is not there any more goes, and a name that was absent and comes is hidden;
 * - a file or link that is what the new base has counts as unchanged; where that can be read for good it gives up its content, and
 *   its row where it says nothing else. It keeps its times, since git's index has them;
 * - where the base has changed and there was no row, one keeps what was: of a file its blob's id, of a directory its tree's;
 * - a directory with rows is brought over the new base's directory in the same way.
 *
 * It reads only rows and trees. What it lacked is returned; then `change` is not to be applied.
 */
export function planReconcile(inputs: ReconcileInputs, change: RowChange, newTree: Oid): Missing {
  const missing: Missing = { trees: [], contents: [] };
  const root = inputs.rows.node(ROOT);
  if (root !== undefined) new Reconciliation(inputs, change, missing).directory(root, newTree);
  return missing;
}

class Reconciliation {
  readonly #inputs: ReconcileInputs;
  readonly #change: RowChange;
  readonly #missing: Missing;

  constructor(inputs: ReconcileInputs, change: RowChange, missing: Missing) {
    this.#inputs = inputs;
    this.#change = change;
    this.#missing = missing;
  }

  /** Brings a directory over another tree. @returns whether no row is left in it */
  directory(node: OverlayNode, newTree: Oid): boolean {
    const rows = new Map(this.#inputs.rows.entries(node.id));
    // All of it is kept by one row, whatever the base has.
    if (rows.size === 0 && node.id !== ROOT) {
      const isSameTree = node.oid !== undefined && this.#isAlike(node.oid, newTree);
      if (node.isChanged === isSameTree) this.#change.putNode({ ...node, isChanged: !isSameTree });
      return isSameTree;
    }
    const before = node.oid === undefined ? NO_TREE : this.#tree(node.oid);
    const after = this.#tree(newTree);
    if (before === undefined || after === undefined) return false;
    // A directory that was made anew, with little in it: hiding all of the base's would take more rows than it has.
    if (node.oid === undefined && countOthers(after, rows) > rows.size) {
      this.#change.putNode({ ...node, isChanged: true });
      return false;
    }
    this.#change.putNode({ ...node, oid: newTree, isChanged: false });
    let isBare = true;
    for (const name of new Set([...rows.keys(), ...before.keys(), ...after.keys()])) {
      const [row, old, current] = [rows.get(name), before.get(name), after.get(name)];
      const isLeft =
        row === undefined
          ? this.#unchanged(node, name, old, current)
          : this.#row(node, name, row, old, current);
      if (isLeft) isBare = false;
    }
    return isBare;
  }

  /** A name without a row. @returns whether it has one then */
  #unchanged(
    directory: OverlayNode,
    name: string,
    old: LowerEntry | undefined,
    current: LowerEntry | undefined,
  ): boolean {
    if (old !== undefined && current !== undefined && this.#isSame(old, current)) return false;
    if (old === undefined) {
      this.#change.putEntry(directory.id, name, WHITEOUT);
      return true;
    }
    const kept = nodeOfLower(this.#change.newId(), directory.id, old);
    this.#change.putNode({ ...kept, ino: inoOfLower(inoOfRow(directory), name, old), isChanged: true });
    this.#change.putEntry(directory.id, name, { node: kept.id });
    return true;
  }

  /** A name with a row. @returns whether it has one then */
  #row(
    directory: OverlayNode,
    name: string,
    row: OverlayEntry,
    old: LowerEntry | undefined,
    current: LowerEntry | undefined,
  ): boolean {
    const node = row.node === undefined ? undefined : this.#inputs.rows.node(row.node);
    if (node === undefined) {
      if (current === undefined) this.#change.deleteEntry(directory.id, name);
      return current !== undefined;
    }
    let isEqual: boolean;
    if (isDirectory(node)) {
      if (current?.oid === undefined || !isDirectory(current)) {
        const isSubmodule = current !== undefined && isDirectory(current);
        if (node.isChanged === isSubmodule) this.#change.putNode({ ...node, isChanged: !isSubmodule });
        return true;
      }
      isEqual = this.directory(node, current.oid);
    } else {
      isEqual = this.#file(node, old, current);
    }
    const ino = current && inoOfLower(inoOfRow(directory), name, current);
    if (!isEqual || !isPlain(node, current, ino) || this.#inputs.isHeld(node.id)) return true;
    this.#change.deleteNode(node.id);
    this.#change.deleteEntry(directory.id, name);
    return false;
  }

  /** @returns whether its content is what the new base has, and not kept here */
  #file(node: OverlayNode, old: LowerEntry | undefined, current: LowerEntry | undefined): boolean {
    const comparison = this.#compare(node, old, current);
    const isChanged = comparison === "other";
    if (comparison === "elsewhere" && current !== undefined) {
      const released = isFile(node) ? { backing: undefined, isSmall: undefined } : {};
      this.#change.putNode({ ...node, ...released, oid: current.oid, isChanged });
    } else if (node.isChanged !== isChanged) {
      this.#change.putNode({ ...node, isChanged });
    }
    return comparison === "elsewhere";
  }

  #compare(node: OverlayNode, old: LowerEntry | undefined, current: LowerEntry | undefined): Comparison {
    if (current?.oid === undefined || !isSameGitMode(node.mode, current.mode) || node.nlink !== 1)
      return "other";
    if (node.oid !== undefined) return node.oid === current.oid ? "elsewhere" : "other";
    // It was looked at when the base became what it still is here.
    if (!node.isChanged && old !== undefined && isSame(old, current)) return "same";
    const { oid } = current;
    const told = this.#inputs.compare(node, oid);
    if (told === undefined) this.#missing.contents.push({ node, oid });
    return told ?? "other";
  }

  #isSame(a: LowerEntry, b: LowerEntry): boolean {
    if (isSame(a, b)) return true;
    const areTrees = isDirectory(a) && isDirectory(b) && a.oid !== undefined && b.oid !== undefined;
    return areTrees && this.#isAlike(a.oid, b.oid);
  }

  /** Whether two trees show the same: one tree of which attributes files speak otherwise may do so all the way down. */
  #isAlike(a: Oid, b: Oid): boolean {
    if (a === b) return true;
    if (objectOf(a) !== objectOf(b)) return false;
    const [tree, other] = [this.#tree(a), this.#tree(b)];
    // It is asked again when they are here.
    if (tree === undefined || other === undefined) return true;
    for (const [name, entry] of tree) {
      const twin = other.get(name);
      if (twin === undefined || !this.#isSame(entry, twin)) return false;
    }
    return true;
  }

  #tree(oid: Oid): LowerTree | undefined {
    const tree = this.#inputs.tree(oid);
    if (tree === undefined) this.#missing.trees.push(oid);
    return tree;
  }
}

/** A row says nothing but what lies below it, where that has this inode number. */
function isPlain(
  node: OverlayNode,
  current: LowerEntry | undefined,
  currentIno: number | undefined,
): boolean {
  const { mode, nlink, uid, gid, ino = currentIno, atime, mtime, ctime, target, xattrs } = node;
  const own = [uid, gid, atime, mtime, ctime, target, xattrs];
  const isOwn = own.some((value) => value !== undefined);
  return mode === current?.mode && nlink === 1 && ino === currentIno && !isOwn;
}

function isSame(a: LowerEntry, b: LowerEntry): boolean {
  return a.oid === b.oid && a.mode === b.mode;
}

function countOthers(tree: LowerTree, rows: ReadonlyMap<string, OverlayEntry>): number {
  let count = 0;
  for (const name of tree.keys()) if (!rows.has(name)) count++;
  return count;
}

/** Inputs that remember what was fetched for them. */
export interface FetchedInputs extends ReconcileInputs {
  fetch(missing: Missing, source: ReconcileSource): Promise<void>;
  /** From now on, contents of which nothing is known stay where they are. */
  giveUpContents(): void;
}

export function reconcileInputs(
  rows: ReconcileInputs["rows"],
  isHeld: (id: number) => boolean,
): FetchedInputs {
  const trees = new Map<Oid, LowerTree>();
  const compared = new Map<string, Comparison>();
  let isGivenUp = false;
  const key = (node: OverlayNode, oid: Oid): string => `${stateOf(node)} ${oid}`;
  return {
    rows,
    isHeld,
    tree: (oid) => trees.get(oid),
    compare: (node, oid) => compared.get(key(node, oid)) ?? (isGivenUp ? "other" : undefined),
    giveUpContents: () => {
      isGivenUp = true;
    },
    async fetch(missing, source) {
      await Promise.all([
        ...[...new Set(missing.trees)].map(async (oid) => trees.set(oid, await source.tree(oid))),
        ...missing.contents.map(async ({ node, oid }) =>
          compared.set(key(node, oid), await source.compare(node, oid)),
        ),
      ]);
    },
  };
}

/** A text that changes with each change of a node. */
function stateOf({ id, backing, sizeBytes, ctime }: OverlayNode): string {
  return [id, backing, sizeBytes, ctime?.seconds, ctime?.nanoseconds].join(" ");
}
