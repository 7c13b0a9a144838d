import type { BaseContents } from "../view/base-contents.ts";
import { isDirectory } from "../view/mode.ts";
import { NodeTable } from "../view/node-table.ts";
import { Refusal } from "../view/refusal.ts";
import type { Answer, ViewNode, Waiting } from "../view/view.ts";
import { whenHere } from "../view/wait.ts";
import { type OverlayStore, ROOT } from "./overlay-store.ts";
import { type NodeContext, OverlayViewNode } from "./overlay-view-node.ts";
import type { LowerEntry, OverlayNode } from "./row.ts";

/** What the nodes of a view are made of. */
export interface OverlayNodesOptions extends NodeContext {
  /** The content of `.git` in the root. Default: there is none. */
  readonly gitFile: Uint8Array | undefined;
  /** Told by which name a node with a row was found last. */
  readonly onFound: (node: OverlayViewNode, directory: OverlayViewNode, name: string) => void;
}

const GIT_FILE = ".git";
const GIT_ENTRY: LowerEntry = { mode: 0o100644, oid: undefined };

/**
 * The nodes of a view with local changes that somebody holds: those of the base, by directory and name, and those that have a row,
 * by that. One of the base becomes one with a row when it is changed, and stays the same node.
 */
export class OverlayNodes {
  readonly root: OverlayViewNode;
  /** The file `.git` of the root: it is in no store, and stays what it is, as a file that is mounted there would. */
  readonly gitFile: OverlayViewNode | undefined;
  readonly #context: NodeContext;
  readonly #store: OverlayStore;
  readonly #contents: BaseContents;
  readonly #onFound: OverlayNodesOptions["onFound"];
  readonly #table = new NodeTable<OverlayViewNode>((node) => this.#drop(node));
  readonly #byRow = new Map<number, OverlayViewNode>();

  constructor({ gitFile, onFound, ...context }: OverlayNodesOptions) {
    this.#context = context;
    this.#store = context.store;
    this.#contents = context.contents;
    this.#onFound = onFound;
    this.root = this.ofRow(this.rowOf(ROOT));
    this.root.references = Infinity;
    if (gitFile === undefined) return;
    const what = { parent: this.root, name: GIT_FILE, lower: GIT_ENTRY, content: gitFile };
    this.gitFile = this.#table.add((id) => new OverlayViewNode(this.#context, id, what));
    this.gitFile.references = Infinity;
  }

  /** A node that somebody holds. Throws Refusal ESTALE. */
  get(id: number): OverlayViewNode {
    return this.#table.get(id);
  }

  has(node: OverlayViewNode): boolean {
    return this.#table.has(node);
  }

  retain(id: number): void {
    this.#table.retain(id);
  }

  forget(id: number, count: number): void {
    this.#table.forget(id, count);
  }

  /** The directory above; the root's is the root. */
  parent(node: OverlayViewNode): OverlayViewNode {
    if (node.row === undefined) return node.parent ?? this.root;
    const above = this.#store.node(node.row)?.parent;
    return above === undefined ? this.root : this.ofRow(this.rowOf(above));
  }

  /** A node that can be changed. Throws Refusal EPERM. */
  own(asked: ViewNode): OverlayViewNode {
    const node = this.get(asked.id);
    if (node.content !== undefined) throw new Refusal("EPERM");
    return node;
  }

  isGitFile(directory: OverlayViewNode, name: string): boolean {
    return this.gitFile !== undefined && directory === this.root && name === GIT_FILE;
  }

  /** Throws Refusal ENOTDIR. */
  directory(asked: ViewNode): OverlayViewNode {
    const node = this.get(asked.id);
    if (!isDirectory(node.state)) throw new Refusal("ENOTDIR");
    return node;
  }

  /** Has the tree of a directory here. */
  ready(directory: OverlayViewNode, waiting?: Waiting): Answer<void> {
    const { oid } = directory;
    if (oid === undefined || directory.heldTree === oid) return undefined;
    return whenHere(this.#contents.hold(oid, waiting), () => {
      if (directory.heldTree !== undefined) this.#contents.release(directory.heldTree);
      directory.heldTree = oid;
    });
  }

  readyIfDirectory(node: OverlayViewNode | undefined, waiting?: Waiting): Answer<void> {
    return node !== undefined && isDirectory(node.state) ? this.ready(node, waiting) : undefined;
  }

  /** The node of a name in a directory that is `ready`. */
  find(directory: OverlayViewNode, name: string): OverlayViewNode | undefined {
    if (this.isGitFile(directory, name)) return this.gitFile;
    let lower: LowerEntry | undefined;
    if (directory.row === undefined) {
      lower = directory.oid === undefined ? undefined : this.#contents.held(directory.oid).get(name);
    } else {
      const found = this.#store.lookup(directory.row, name);
      if (found?.node !== undefined) {
        const node = this.ofRow(found.node);
        this.#onFound(node, directory, name);
        return node;
      }
      lower = found?.lower;
    }
    if (lower === undefined) return undefined;
    const known = directory.children.get(name);
    if (known !== undefined) return known;
    const what = { parent: directory, name, lower };
    const node = this.#table.add((id) => new OverlayViewNode(this.#context, id, what));
    directory.children.set(name, node);
    return node;
  }

  /** What is in a directory that is `ready`, but for `.git`: rows, and what lies below where there are none. */
  *entries(directory: OverlayViewNode): Generator<[string, OverlayNode | LowerEntry]> {
    if (directory.row === undefined) {
      if (directory.oid !== undefined) yield* this.#contents.held(directory.oid);
      return;
    }
    for (const { name, node, lower } of this.#store.list(directory.row)) {
      const what = node === undefined ? lower : this.#store.node(node);
      if (what !== undefined) yield [name, what];
    }
  }

  /** The node of a row. */
  ofRow(row: OverlayNode): OverlayViewNode {
    const known = this.#byRow.get(row.id);
    if (known !== undefined) return known;
    const node = this.#table.add((id) => new OverlayViewNode(this.#context, id, { row }));
    this.#byRow.set(row.id, node);
    this.#store.hold(row.id);
    return node;
  }

  /** A row by its id. Throws Refusal ESTALE. */
  rowOf(id: number): OverlayNode {
    const row = this.#store.node(id);
    if (row === undefined) throw new Refusal("ESTALE");
    return row;
  }

  /** The row of a node; one of the base gets one, and those above it. */
  adopt(node: OverlayViewNode): number {
    if (node.row !== undefined) return node.row;
    if (node.parent === undefined) throw new Refusal("ESTALE");
    const { id } = this.#store.adopt(this.adopt(node.parent), node.name, node.ino);
    this.#store.hold(id);
    this.took(node, id);
    return id;
  }

  /** A node of the base has a row now, which is held for it. */
  took(node: OverlayViewNode, row: number): void {
    node.row = row;
    this.#byRow.set(row, node);
    if (node.parent?.children.get(node.name) === node) node.parent.children.delete(node.name);
  }

  dropIfUnused(node: OverlayViewNode | undefined): void {
    if (node !== undefined && node.references <= 0) this.#drop(node);
  }

  /** Known nodes without a row take the one that their name has now; known directories hold the tree that lies below them now. */
  rebase(): void {
    for (const directory of this.#table.values()) {
      if (directory.heldTree === undefined || directory.heldTree === directory.oid) continue;
      // It is here already: rows were brought over it.
      void this.ready(directory);
      for (const [name, child] of directory.children) {
        const found = directory.row === undefined ? undefined : this.#store.lookup(directory.row, name);
        if (found?.node === undefined) continue;
        this.#store.hold(found.node.id);
        this.took(child, found.node.id);
      }
    }
  }

  /** Those of its nodes that nobody holds go with it: they were offered, and not taken. */
  #drop(node: OverlayViewNode): void {
    if (!this.#table.delete(node)) return;
    if (node.parent?.children.get(node.name) === node) node.parent.children.delete(node.name);
    for (const child of node.children.values()) if (child.references <= 0) this.#drop(child);
    if (node.heldTree !== undefined) this.#contents.release(node.heldTree);
    node.heldTree = undefined;
    if (node.row === undefined || this.#byRow.get(node.row) !== node) return;
    this.#byRow.delete(node.row);
    this.#store.release(node.row);
  }
}
