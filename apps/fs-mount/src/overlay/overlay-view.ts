import { statfsSync } from "node:fs";
import type { ObjectFormat, Oid } from "@millrace/pack";
import { MountError } from "../errors.ts";
import { BaseContents } from "../view/base-contents.ts";
import { DirectoryContents } from "../view/directory-contents.ts";
import { NodeTable } from "../view/node-table.ts";
import { Refusal } from "../view/refusal.ts";
import type { Answer, ListedEntry, OpenFile, ViewNode, ViewSource, Waiting } from "../view/view.ts";
import type { AttributeChange, NewNode, ViewSpace, WritableView } from "../view/writable-view.ts";
import { changesNothing, xattrOf } from "./attributes.ts";
import type { ContentSource } from "./backing-files.ts";
import { ContentComparer } from "./compare-content.ts";
import { ViewChanges } from "./view-changes.ts";
import { whenHere } from "../view/wait.ts";
import { RENAME_EXCHANGE } from "./names.ts";
import { type OverlayStore, openOverlay, ROOT } from "./overlay-store.ts";
import { OverlayFile } from "./overlay-file.ts";
import { type NodeContext, OverlayViewNode } from "./overlay-view-node.ts";
import { isDirectory, kindOf } from "../view/mode.ts";
import type { LowerEntry, OverlayNode } from "./row.ts";
import { inoOfLower, inoOfRow } from "./row-inode.ts";

/** What a view with local changes shows. */
export interface OverlayViewOptions {
  readonly source: ViewSource;
  readonly format: ObjectFormat;
  /** The root of the base, for an overlay that is new. */
  readonly tree: Oid;
  /** The time of every file that nobody has changed, before that of git's index. */
  readonly mtimeSeconds: number;
  /** Where local changes are kept. */
  readonly folder: string;
  /** As `OverlayOptions.isLocked`. */
  readonly isLocked?: boolean | undefined;
  /** The content of `.git` in the root, which leads git to its directory. Default: there is none. */
  readonly gitFile?: Uint8Array | undefined;
}

const GIT_FILE = ".git";
const GIT_ENTRY: LowerEntry = { mode: 0o100644, oid: undefined };

/**
 * The files of a tree with local changes over them. What is asked is answered from rows first, then from trees, which are read when
 * their directory is looked into. Whoever keeps the id of a node holds references; a node that is held lives on without a name.
 *
 * Changes throw what `OverlayStore` throws; both wait only for trees, and for the content of a file that is written to first.
 */
export class OverlayView implements WritableView {
  readonly root: OverlayViewNode;
  readonly store: OverlayStore;
  /** What has changed, by path. */
  readonly changes: ViewChanges;
  readonly #contents: BaseContents;
  readonly #learner: DirectoryContents;
  readonly #context: NodeContext;
  readonly #nodes = new NodeTable<OverlayViewNode>((node) => this.#drop(node));
  readonly #byRow = new Map<number, OverlayViewNode>();
  /** The file `.git` of the root: it is in no store, and stays what it is, as a file that is mounted there would. */
  readonly #gitFile: OverlayViewNode | undefined;
  readonly #folder: string;
  readonly #format: ObjectFormat;
  readonly #closing = new AbortController();
  #reconciling: Promise<void> = Promise.resolve();

  /** @throws as `openOverlay` */
  constructor(options: OverlayViewOptions) {
    const { source, format, tree, mtimeSeconds, folder, isLocked, gitFile } = options;
    this.#folder = folder;
    this.#format = format;
    this.#contents = new BaseContents(source, format);
    this.#learner = new DirectoryContents(this.#contents);
    this.store = openOverlay({ folder, tree, lower: (oid) => this.#contents.held(oid), isLocked });
    this.#context = { store: this.store, contents: this.#contents, mtimeSeconds };
    this.changes = new ViewChanges(folder, this.store, this.#contents, (node) => this.#nodes.has(node));
    this.root = this.#ofRow(this.#rowOf(ROOT));
    this.root.references = Infinity;
    if (gitFile === undefined) return;
    const what = { parent: this.root, name: GIT_FILE, lower: GIT_ENTRY, content: gitFile };
    this.#gitFile = this.#nodes.add((id) => new OverlayViewNode(this.#context, id, what));
    this.#gitFile.references = Infinity;
  }

  node(id: number): OverlayViewNode {
    return this.#nodes.get(id);
  }

  retain(id: number): void {
    this.#nodes.retain(id);
  }

  forget(id: number, count: number): void {
    this.#nodes.forget(id, count);
  }

  lookup(asked: ViewNode, name: string, waiting?: Waiting): Answer<OverlayViewNode | undefined> {
    const directory = this.#directory(asked);
    return whenHere(this.#ready(directory, waiting), () => {
      const node = this.#find(directory, name);
      if (node?.kind !== "symlink" || node.sizeBytes !== undefined || node.oid === undefined) return node;
      const learning = this.#learner.linkSizes(directory, this.#entries(directory), waiting);
      return learning.then(() => this.#find(directory, name));
    });
  }

  list(asked: ViewNode, waiting?: Waiting): Answer<readonly ListedEntry[]> {
    const directory = this.#directory(asked);
    return whenHere(this.#ready(directory, waiting), () => {
      directory.isListed = true;
      const listed: ListedEntry[] = [];
      const add = (name: string, { mode }: { mode: number }, ino: number): void => {
        listed.push({ name, ino, kind: kindOf(mode), mode });
      };
      if (this.#isGitFile(directory, GIT_FILE)) add(GIT_FILE, GIT_ENTRY, this.#gitFile!.ino);
      for (const [name, what] of this.#entries(directory))
        if (!this.#isGitFile(directory, name))
          add(name, what, "id" in what ? inoOfRow(what) : inoOfLower(directory.ino, name, what));
      return listed;
    });
  }

  child(asked: ViewNode, { name }: Pick<ListedEntry, "name">): OverlayViewNode {
    const node = this.#find(this.#directory(asked), name);
    if (node === undefined) throw new Refusal("ENOENT");
    return node;
  }

  parent(asked: ViewNode): OverlayViewNode {
    const node = this.node(asked.id);
    if (node.row === undefined) return node.parent ?? this.root;
    const above = this.store.node(node.row)?.parent;
    return above === undefined ? this.root : this.#ofRow(this.#rowOf(above));
  }

  size(asked: ViewNode, waiting?: Waiting): Answer<number> {
    const node = this.node(asked.id);
    const known = node.sizeBytes;
    if (known !== undefined || node.oid === undefined) return known ?? 0;
    const { oid } = node;
    const directory = this.parent(node);
    return whenHere(this.#ready(directory, waiting), () =>
      this.#learner.size(directory, this.#entries(directory), oid, waiting),
    ) as Promise<number>;
  }

  readlink(asked: ViewNode, waiting?: Waiting): Answer<string> {
    const node = this.node(asked.id);
    const { state } = node;
    if (kindOf(state.mode) !== "symlink") throw new Refusal("EINVAL");
    if ("target" in state && state.target !== undefined) return state.target;
    if (state.oid === undefined) throw new Refusal("EIO");
    const { oid } = state;
    const known = this.#contents.targetOf(oid);
    if (known !== undefined) return known;
    const directory = this.parent(node);
    return whenHere(this.#ready(directory, waiting), () =>
      this.#learner.target(this.#entries(directory), oid, waiting),
    );
  }

  open(asked: ViewNode, waiting?: Waiting): Answer<OpenFile> {
    const node = this.node(asked.id);
    const { state } = node;
    if (isDirectory(state)) throw new Refusal("EISDIR");
    if (kindOf(state.mode) === "symlink") throw new Refusal("ELOOP");
    const file = new OverlayFile(this.store, node, this.#contents);
    if (state.oid === undefined) return file;
    const opening = file.blob(state.oid, waiting);
    const directory = this.parent(node);
    if (directory.heldTree === directory.oid) this.#learner.prefetch(directory, this.#entries(directory));
    return whenHere(opening, () => file);
  }

  openForWriting(asked: ViewNode): OpenFile {
    const node = this.#own(asked);
    if (isDirectory(node.state)) throw new Refusal("EISDIR");
    if (node.kind === "symlink") throw new Refusal("ELOOP");
    return new OverlayFile(this.store, node, this.#contents);
  }

  make(asked: ViewNode, name: string, made: NewNode, waiting?: Waiting): Answer<OverlayViewNode> {
    const directory = this.#directory(asked);
    return whenHere(this.#ready(directory, waiting), () => {
      if (this.#isGitFile(directory, name)) throw new Refusal("EEXIST");
      const node = this.#ofRow(this.store.make(this.#adopt(directory), name, made));
      this.changes.came(node, directory, name);
      return node;
    });
  }

  link(asked: ViewNode, directoryAsked: ViewNode, name: string, waiting?: Waiting): Answer<OverlayViewNode> {
    const node = this.#own(asked);
    const directory = this.#directory(directoryAsked);
    return whenHere(this.#ready(directory, waiting), () => {
      if (this.#isGitFile(directory, name)) throw new Refusal("EEXIST");
      this.store.link(this.#adopt(node), this.#adopt(directory), name);
      this.changes.came(node, directory, name);
      return node;
    });
  }

  remove(asked: ViewNode, name: string, how: "unlink" | "rmdir", waiting?: Waiting): Answer<void> {
    const directory = this.#directory(asked);
    return whenHere(this.#ready(directory, waiting), () => {
      if (this.#isGitFile(directory, name)) throw new Refusal("EBUSY");
      const node = this.#find(directory, name);
      return whenHere(this.#readyIfDirectory(node, waiting), () => {
        const isBase = node !== undefined && node.row === undefined;
        const removed = this.store[how](this.#adopt(directory), name, isBase);
        if (isBase) this.#took(node, removed.id);
        if (node !== undefined) this.changes.went(node, directory, name);
        this.#dropIfUnused(node);
      });
    });
  }

  rename(
    from: ViewNode,
    name: string,
    to: ViewNode,
    newName: string,
    flags: number,
    waiting?: Waiting,
  ): Answer<void> {
    const [source, target] = [this.#directory(from), this.#directory(to)];
    if (this.#isGitFile(source, name) || this.#isGitFile(target, newName)) throw new Refusal("EBUSY");
    return whenHere(this.#ready(source, waiting), () =>
      whenHere(this.#ready(target, waiting), () => {
        const moved = this.#find(source, name);
        const replaced = this.#find(target, newName);
        return whenHere(this.#readyIfDirectory(replaced, waiting), () => {
          // Nodes that are known keep their numbers.
          if (moved !== undefined) this.#adopt(moved);
          if (replaced !== undefined) this.#adopt(replaced);
          this.store.rename(this.#adopt(source), name, this.#adopt(target), newName, flags);
          if (moved !== undefined && moved !== replaced) {
            this.changes.went(moved, source, name, true);
            if (replaced !== undefined) this.changes.went(replaced, target, newName, true);
            this.changes.came(moved, target, newName, true);
            if (replaced !== undefined && flags === RENAME_EXCHANGE)
              this.changes.came(replaced, source, name, true);
          }
          this.#dropIfUnused(replaced);
        });
      }),
    );
  }

  setAttributes(asked: ViewNode, change: AttributeChange): void {
    const node = this.#own(asked);
    const { state } = node;
    // Whoever sets what is so already, as `chown -R` does, leaves a file that nobody has changed as git's index knows it.
    if (!("ctime" in state && state.ctime !== undefined) && changesNothing(state.mode, change)) return;
    this.store.setAttributes(this.#adopt(node), change);
    const isPlainTouch =
      isDirectory(state) && [change.mode, change.uid, change.gid].every((value) => value === undefined);
    if (!isPlainTouch) this.changes.changed(node);
  }

  truncate(asked: ViewNode, sizeBytes: number, waiting?: Waiting): Answer<void> {
    const node = this.#own(asked);
    const row = this.#adopt(node);
    const truncated = (content?: ContentSource): void | Promise<void> =>
      whenHere(this.store.truncate(row, sizeBytes, content), () => this.changes.changed(node));
    if (sizeBytes === 0 || !this.store.needsContent(row)) return truncated();
    return this.#withContent(row, waiting, truncated);
  }

  write(asked: ViewNode, offset: number | "end", data: Uint8Array, waiting?: Waiting): Answer<number> {
    const node = this.#own(asked);
    const row = this.#adopt(node);
    const write = (bytes: Uint8Array): number => {
      const at = offset === "end" ? (this.#rowOf(row).sizeBytes ?? 0) : offset;
      const written = this.store.write(row, at, bytes);
      this.changes.changed(node);
      return written;
    };
    if (!this.store.needsContent(row)) return write(data);
    const kept = new Uint8Array(data);
    return this.#withContent(row, waiting, (content) => this.store.promote(row, content)).then(() =>
      write(kept),
    );
  }

  async sync(asked: ViewNode): Promise<void> {
    const { row } = this.node(asked.id);
    // What has no row was not changed; but its name's directory may have been.
    await this.store.sync(row ?? ROOT);
  }

  setXattr(asked: ViewNode, name: string, value: Uint8Array, flags: number): void {
    const node = this.#own(asked);
    this.store.setXattr(this.#adopt(node), name, value, flags);
    this.changes.changed(node);
  }

  removeXattr(asked: ViewNode, name: string): void {
    const node = this.#own(asked);
    xattrOf(node.xattrs, name);
    this.store.removeXattr(this.#adopt(node), name);
    this.changes.changed(node);
  }

  getXattr(asked: ViewNode, name: string): Uint8Array {
    return xattrOf(this.node(asked.id).xattrs, name);
  }

  listXattrs(asked: ViewNode): readonly string[] {
    return [...(this.node(asked.id).xattrs?.keys() ?? [])];
  }

  get space(): ViewSpace {
    const { bsize, blocks, bfree, bavail, files, ffree } = statfsSync(this.#folder);
    return {
      blockSizeBytes: bsize,
      blocks,
      freeBlocks: bfree,
      availableBlocks: bavail,
      files,
      freeFiles: ffree,
    };
  }

  /** The tree that lies below. */
  get tree(): Oid | undefined {
    return this.root.oid;
  }

  /**
   * Lets another tree lie below, as `OverlayStore.reconcile`; nothing that shows changes. Contents stay here, also those that are what
   * the tree has: git may drop what was committed and taken back.
   * @throws what reading trees throws; MountError MOUNT_STOPPED where the view is closed meanwhile
   */
  async reconcile(tree: Oid): Promise<void> {
    const reconciled = this.#reconciling.then(() => this.#reconcile(tree, this.#closing.signal));
    this.#reconciling = reconciled.catch(() => undefined);
    await reconciled;
  }

  async #reconcile(tree: Oid, signal: AbortSignal): Promise<void> {
    signal.throwIfAborted();
    const held: Oid[] = [];
    const comparer = new ContentComparer(this.store, this.#format, signal);
    try {
      await this.store.reconcile(tree, {
        compare: async (node, oid) => ((await comparer.isBlob(node, oid)) ? "same" : "other"),
        applied: () => this.#rebase(),
        tree: async (oid) => {
          const entries = await this.#contents.hold(oid, { signal });
          held.push(oid);
          return entries;
        },
      });
    } finally {
      for (const oid of held) this.#contents.release(oid);
    }
  }

  async close(): Promise<void> {
    this.#closing.abort(new MountError("MOUNT_STOPPED", "the mount has ended"));
    await this.#reconciling;
    await this.store.close();
    this.changes.save();
  }

  /** Opens a blob for the time that `use` takes. */
  async #withContent(
    row: number,
    waiting: Waiting | undefined,
    use: (content: ContentSource) => void | Promise<void>,
  ): Promise<void> {
    const { oid } = this.#rowOf(row);
    if (oid === undefined) return;
    const blob = await this.#contents.open(oid, waiting);
    try {
      await blob.readable?.(blob.sizeBytes, waiting?.signal);
      await use(blob);
    } finally {
      blob.release();
    }
  }

  /** Known nodes without a row take the one that their name has now; known directories hold the tree that lies below them now. */
  #rebase(): void {
    for (const directory of this.#nodes.values()) {
      if (directory.heldTree === undefined || directory.heldTree === directory.oid) continue;
      // It is here already: rows were brought over it.
      void this.#ready(directory);
      for (const [name, child] of directory.children) {
        const found = directory.row === undefined ? undefined : this.store.lookup(directory.row, name);
        if (found?.node === undefined) continue;
        this.store.hold(found.node.id);
        this.#took(child, found.node.id);
      }
    }
  }

  /** A node that can be changed. */
  #own(asked: ViewNode): OverlayViewNode {
    const node = this.node(asked.id);
    if (node.content !== undefined) throw new Refusal("EPERM");
    return node;
  }

  #isGitFile(directory: OverlayViewNode, name: string): boolean {
    return this.#gitFile !== undefined && directory === this.root && name === GIT_FILE;
  }

  #directory(asked: ViewNode): OverlayViewNode {
    const node = this.node(asked.id);
    if (!isDirectory(node.state)) throw new Refusal("ENOTDIR");
    return node;
  }

  /** Has the tree of a directory here. */
  #ready(directory: OverlayViewNode, waiting?: Waiting): Answer<void> {
    const { oid } = directory;
    if (oid === undefined || directory.heldTree === oid) return undefined;
    return whenHere(this.#contents.hold(oid, waiting), () => {
      if (directory.heldTree !== undefined) this.#contents.release(directory.heldTree);
      directory.heldTree = oid;
    });
  }

  #readyIfDirectory(node: OverlayViewNode | undefined, waiting?: Waiting): Answer<void> {
    return node !== undefined && isDirectory(node.state) ? this.#ready(node, waiting) : undefined;
  }

  #find(directory: OverlayViewNode, name: string): OverlayViewNode | undefined {
    if (this.#isGitFile(directory, name)) return this.#gitFile;
    let lower: LowerEntry | undefined;
    if (directory.row === undefined) {
      lower = directory.oid === undefined ? undefined : this.#contents.held(directory.oid).get(name);
    } else {
      const found = this.store.lookup(directory.row, name);
      if (found?.node !== undefined) {
        const node = this.#ofRow(found.node);
        this.changes.found(node, directory, name);
        return node;
      }
      lower = found?.lower;
    }
    if (lower === undefined) return undefined;
    const known = directory.children.get(name);
    if (known !== undefined) return known;
    const what = { parent: directory, name, lower };
    const node = this.#nodes.add((id) => new OverlayViewNode(this.#context, id, what));
    directory.children.set(name, node);
    return node;
  }

  *#entries(directory: OverlayViewNode): Generator<[string, OverlayNode | LowerEntry]> {
    if (directory.row === undefined) {
      if (directory.oid !== undefined) yield* this.#contents.held(directory.oid);
      return;
    }
    for (const { name, node, lower } of this.store.list(directory.row)) {
      const what = node === undefined ? lower : this.store.node(node);
      if (what !== undefined) yield [name, what];
    }
  }

  #ofRow(row: OverlayNode): OverlayViewNode {
    const known = this.#byRow.get(row.id);
    if (known !== undefined) return known;
    const node = this.#nodes.add((id) => new OverlayViewNode(this.#context, id, { row }));
    this.#byRow.set(row.id, node);
    this.store.hold(row.id);
    return node;
  }

  #rowOf(id: number): OverlayNode {
    const row = this.store.node(id);
    if (row === undefined) throw new Refusal("ESTALE");
    return row;
  }

  /** The row of a node; one of the base gets one, and those above it. */
  #adopt(node: OverlayViewNode): number {
    if (node.row !== undefined) return node.row;
    if (node.parent === undefined) throw new Refusal("ESTALE");
    const { id } = this.store.adopt(this.#adopt(node.parent), node.name, node.ino);
    this.store.hold(id);
    this.#took(node, id);
    return id;
  }

  /** A node of the base has a row now, which is held for it. */
  #took(node: OverlayViewNode, row: number): void {
    node.row = row;
    this.#byRow.set(row, node);
    if (node.parent?.children.get(node.name) === node) node.parent.children.delete(node.name);
  }

  #dropIfUnused(node: OverlayViewNode | undefined): void {
    if (node !== undefined && node.references <= 0) this.#drop(node);
  }

  /** Those of its nodes that nobody holds go with it: they were offered, and not taken. */
  #drop(node: OverlayViewNode): void {
    if (!this.#nodes.delete(node)) return;
    if (node.parent?.children.get(node.name) === node) node.parent.children.delete(node.name);
    for (const child of node.children.values()) if (child.references <= 0) this.#drop(child);
    if (node.heldTree !== undefined) this.#contents.release(node.heldTree);
    node.heldTree = undefined;
    if (node.row === undefined || this.#byRow.get(node.row) !== node) return;
    this.#byRow.delete(node.row);
    this.store.release(node.row);
  }
}
