import { statfsSync } from "node:fs";
import type { ObjectFormat, Oid } from "@millrace/pack";
import { BaseContents } from "../view/base-contents.ts";
import { DirectoryContents } from "../view/directory-contents.ts";
import { Refusal } from "../view/refusal.ts";
import type { Answer, ListedEntry, OpenFile, ViewNode, ViewSource, Waiting } from "../view/view.ts";
import type { AttributeChange, NewNode, ViewSpace, WritableView } from "../view/writable-view.ts";
import { changesNothing, xattrOf } from "./attributes.ts";
import type { ContentSource } from "./backing-files.ts";
import { BaseMoves } from "./base-moves.ts";
import { ViewChanges } from "./view-changes.ts";
import { whenHere } from "../view/wait.ts";
import { RENAME_EXCHANGE } from "./names.ts";
import { type OverlayStore, openOverlay, ROOT } from "./overlay-store.ts";
import { OverlayFile } from "./overlay-file.ts";
import { OverlayNodes } from "./overlay-nodes.ts";
import type { OverlayViewNode } from "./overlay-view-node.ts";
import { isDirectory, kindOf } from "../view/mode.ts";
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
  readonly #nodes: OverlayNodes;
  readonly #folder: string;
  readonly #moves: BaseMoves;

  /** @throws as `openOverlay` */
  constructor(options: OverlayViewOptions) {
    const { source, format, tree, mtimeSeconds, folder, isLocked, gitFile } = options;
    this.#folder = folder;
    this.#contents = new BaseContents(source, format);
    this.#learner = new DirectoryContents(this.#contents);
    this.store = openOverlay({ folder, tree, lower: (oid) => this.#contents.held(oid), isLocked });
    this.changes = new ViewChanges(folder, this.store, this.#contents, (node) => this.#nodes.has(node));
    this.#nodes = new OverlayNodes({
      store: this.store,
      contents: this.#contents,
      mtimeSeconds,
      gitFile,
      onFound: (...found) => this.changes.found(...found),
    });
    this.root = this.#nodes.root;
    this.#moves = new BaseMoves({
      store: this.store,
      contents: this.#contents,
      format,
      onMoved: () => this.#nodes.rebase(),
    });
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
    const directory = this.#nodes.directory(asked);
    return whenHere(this.#nodes.ready(directory, waiting), () => {
      const node = this.#nodes.find(directory, name);
      if (node?.kind !== "symlink" || node.sizeBytes !== undefined || node.oid === undefined) return node;
      const learning = this.#learner.linkSizes(directory, this.#nodes.entries(directory), waiting);
      return learning.then(() => this.#nodes.find(directory, name));
    });
  }

  enter(asked: ViewNode, waiting?: Waiting): Answer<void> {
    return this.#nodes.ready(this.#nodes.directory(asked), waiting);
  }

  list(asked: ViewNode, waiting?: Waiting): Answer<readonly ListedEntry[]> {
    const directory = this.#nodes.directory(asked);
    return whenHere(this.#nodes.ready(directory, waiting), () => {
      directory.isListed = true;
      // Where nothing was changed, the tree itself tells.
      if (directory.row === undefined && directory.oid !== undefined) {
        return this.#contents.held(directory.oid).list(directory.ino);
      }
      const listed: ListedEntry[] = [];
      const add = (name: string, { mode }: { mode: number }, ino: number): void => {
        listed.push({ name, ino, kind: kindOf(mode), mode });
      };
      const { gitFile } = this.#nodes;
      if (gitFile !== undefined && directory === this.root) add(gitFile.name, gitFile.state, gitFile.ino);
      for (const [name, what] of this.#nodes.entries(directory))
        if (!this.#nodes.isGitFile(directory, name))
          add(name, what, "id" in what ? inoOfRow(what) : inoOfLower(directory.ino, name, what));
      return listed;
    });
  }

  child(asked: ViewNode, { name }: Pick<ListedEntry, "name">): OverlayViewNode {
    const node = this.#nodes.find(this.#nodes.directory(asked), name);
    if (node === undefined) throw new Refusal("ENOENT");
    return node;
  }

  parent(asked: ViewNode): OverlayViewNode {
    return this.#nodes.parent(this.node(asked.id));
  }

  size(asked: ViewNode, waiting?: Waiting): Answer<number> {
    const node = this.node(asked.id);
    const known = node.sizeBytes;
    if (known !== undefined || node.oid === undefined) return known ?? 0;
    const { oid } = node;
    const directory = this.parent(node);
    return whenHere(this.#nodes.ready(directory, waiting), () =>
      this.#learner.size(directory, this.#nodes.entries(directory), oid, waiting),
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
    return whenHere(this.#nodes.ready(directory, waiting), () =>
      this.#learner.target(this.#nodes.entries(directory), oid, waiting),
    );
  }

  open(asked: ViewNode, waiting?: Waiting): Answer<OpenFile> {
    const node = this.node(asked.id);
    const { state } = node;
    if (isDirectory(state)) throw new Refusal("EISDIR");
    if (kindOf(state.mode) === "symlink") throw new Refusal("ELOOP");
    const file = new OverlayFile(this.store, node, this.#contents);
    if (node === this.#nodes.gitFile) return whenHere(this.#contents.source.gitWorks?.(waiting), () => file);
    if (state.oid === undefined) return file;
    const opening = file.blob(state.oid, waiting);
    const directory = this.parent(node);
    if (directory.heldTree === directory.oid)
      this.#learner.prefetch(directory, this.#nodes.entries(directory));
    return whenHere(opening, () => file);
  }

  openForWriting(asked: ViewNode): OpenFile {
    const node = this.#nodes.own(asked);
    if (isDirectory(node.state)) throw new Refusal("EISDIR");
    if (node.kind === "symlink") throw new Refusal("ELOOP");
    return new OverlayFile(this.store, node, this.#contents);
  }

  make(asked: ViewNode, name: string, made: NewNode, waiting?: Waiting): Answer<OverlayViewNode> {
    const directory = this.#nodes.directory(asked);
    return whenHere(this.#nodes.ready(directory, waiting), () => {
      if (this.#nodes.isGitFile(directory, name)) throw new Refusal("EEXIST");
      const node = this.#nodes.ofRow(this.store.make(this.#nodes.adopt(directory), name, made));
      this.changes.came(node, directory, name);
      return node;
    });
  }

  link(asked: ViewNode, directoryAsked: ViewNode, name: string, waiting?: Waiting): Answer<OverlayViewNode> {
    const node = this.#nodes.own(asked);
    const directory = this.#nodes.directory(directoryAsked);
    return whenHere(this.#nodes.ready(directory, waiting), () => {
      if (this.#nodes.isGitFile(directory, name)) throw new Refusal("EEXIST");
      this.store.link(this.#nodes.adopt(node), this.#nodes.adopt(directory), name);
      this.changes.came(node, directory, name);
      return node;
    });
  }

  remove(asked: ViewNode, name: string, how: "unlink" | "rmdir", waiting?: Waiting): Answer<void> {
    const directory = this.#nodes.directory(asked);
    return whenHere(this.#nodes.ready(directory, waiting), () => {
      if (this.#nodes.isGitFile(directory, name)) throw new Refusal("EBUSY");
      const node = this.#nodes.find(directory, name);
      return whenHere(this.#nodes.readyIfDirectory(node, waiting), () => {
        const isBase = node !== undefined && node.row === undefined;
        const removed = this.store[how](this.#nodes.adopt(directory), name, isBase);
        if (isBase) this.#nodes.took(node, removed.id);
        if (node !== undefined) this.changes.went(node, directory, name);
        this.#nodes.dropIfUnused(node);
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
    const [source, target] = [this.#nodes.directory(from), this.#nodes.directory(to)];
    if (this.#nodes.isGitFile(source, name) || this.#nodes.isGitFile(target, newName))
      throw new Refusal("EBUSY");
    return whenHere(this.#nodes.ready(source, waiting), () =>
      whenHere(this.#nodes.ready(target, waiting), () => {
        const moved = this.#nodes.find(source, name);
        const replaced = this.#nodes.find(target, newName);
        return whenHere(this.#nodes.readyIfDirectory(replaced, waiting), () => {
          // Nodes that are known keep their numbers.
          if (moved !== undefined) this.#nodes.adopt(moved);
          if (replaced !== undefined) this.#nodes.adopt(replaced);
          this.store.rename(this.#nodes.adopt(source), name, this.#nodes.adopt(target), newName, flags);
          if (moved !== undefined && moved !== replaced) {
            this.changes.went(moved, source, name, true);
            if (replaced !== undefined) this.changes.went(replaced, target, newName, true);
            this.changes.came(moved, target, newName, true);
            if (replaced !== undefined && flags === RENAME_EXCHANGE)
              this.changes.came(replaced, source, name, true);
          }
          this.#nodes.dropIfUnused(replaced);
        });
      }),
    );
  }

  setAttributes(asked: ViewNode, change: AttributeChange): void {
    const node = this.#nodes.own(asked);
    const { state } = node;
    // Whoever sets what is so already, as `chown -R` does, leaves a file that nobody has changed as git's index knows it.
    if (!("ctime" in state && state.ctime !== undefined) && changesNothing(state.mode, change)) return;
    this.store.setAttributes(this.#nodes.adopt(node), change);
    const isPlainTouch =
      isDirectory(state) && [change.mode, change.uid, change.gid].every((value) => value === undefined);
    if (!isPlainTouch) this.changes.changed(node);
  }

  truncate(asked: ViewNode, sizeBytes: number, waiting?: Waiting): Answer<void> {
    const node = this.#nodes.own(asked);
    const row = this.#nodes.adopt(node);
    const truncated = (content?: ContentSource): void | Promise<void> =>
      whenHere(this.store.contents.truncate(row, sizeBytes, content), () => this.changes.changed(node));
    if (sizeBytes === 0 || !this.store.contents.isElsewhere(row)) return truncated();
    return this.#withContent(row, waiting, truncated);
  }

  write(asked: ViewNode, offset: number | "end", data: Uint8Array, waiting?: Waiting): Answer<number> {
    const node = this.#nodes.own(asked);
    const row = this.#nodes.adopt(node);
    const write = (bytes: Uint8Array): number => {
      const at = offset === "end" ? (this.#nodes.rowOf(row).sizeBytes ?? 0) : offset;
      const written = this.store.contents.write(row, at, bytes);
      this.changes.changed(node);
      return written;
    };
    if (!this.store.contents.isElsewhere(row)) return write(data);
    const kept = new Uint8Array(data);
    return this.#withContent(row, waiting, (content) => this.store.contents.promote(row, content)).then(() =>
      write(kept),
    );
  }

  async sync(asked: ViewNode): Promise<void> {
    const { row } = this.node(asked.id);
    // What has no row was not changed; but its name's directory may have been.
    await this.store.sync(row ?? ROOT);
  }

  setXattr(asked: ViewNode, name: string, value: Uint8Array, flags: number): void {
    const node = this.#nodes.own(asked);
    this.store.setXattr(this.#nodes.adopt(node), name, value, flags);
    this.changes.changed(node);
  }

  removeXattr(asked: ViewNode, name: string): void {
    const node = this.#nodes.own(asked);
    xattrOf(node.xattrs, name);
    this.store.removeXattr(this.#nodes.adopt(node), name);
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

  /** Lets another tree lie below; nothing that shows changes. Throws as `BaseMoves.to`. */
  reconcile(tree: Oid): Promise<void> {
    return this.#moves.to(tree);
  }

  async close(): Promise<void> {
    await this.#moves.close();
    await this.store.close();
    this.changes.save();
  }

  /** Opens a blob for the time that `use` takes. */
  async #withContent(
    row: number,
    waiting: Waiting | undefined,
    use: (content: ContentSource) => void | Promise<void>,
  ): Promise<void> {
    const { oid } = this.#nodes.rowOf(row);
    if (oid === undefined) return;
    const blob = await this.#contents.open(oid, waiting);
    try {
      await blob.readable?.(blob.sizeBytes, waiting?.signal);
      await use(blob);
    } finally {
      blob.release();
    }
  }
}
