import type { ObjectFormat, Oid } from "@millrace/pack";
import { BaseContents } from "./base-contents.ts";
import { BaseNode, inodeOfEntry } from "./base-node.ts";
import { type BaseEntry, type BaseTree, parseBaseTree } from "./base-tree.ts";
import { DirectoryContents } from "./directory-contents.ts";
import { MODE_OF } from "./mode.ts";
import { NodeTable } from "./node-table.ts";
import { readBlob } from "./read-blob.ts";
import { Refusal } from "./refusal.ts";
import type { Answer, ListedEntry, OpenFile, View, ViewNode, ViewSource, Waiting } from "./view.ts";
import { whenHere } from "./wait.ts";

/** What a base view shows. */
export interface BaseViewOptions {
  readonly source: ViewSource;
  readonly format: ObjectFormat;
  /** The root. */
  readonly tree: Oid;
  /** The time of every file, before that of git's index. */
  readonly mtimeSeconds: number;
  /** The content of `.git` in the root, which leads git to its directory. Default: there is none. */
  readonly gitFile?: Uint8Array | undefined;
}

const GIT_FILE: BaseEntry = { name: ".git", kind: "file", mode: MODE_OF.file, oid: undefined };
const NO_TREE: BaseTree = parseBaseTree(new Uint8Array(), "sha1", "");

/** The files of one tree object, read from it when they are looked at. Nothing in it changes. */
export class BaseView implements View {
  readonly root: BaseNode;
  readonly #options: BaseViewOptions;
  readonly #contents: BaseContents;
  readonly #learner: DirectoryContents;
  readonly #nodes = new NodeTable<BaseNode>((node) => this.#drop(node));

  constructor(options: BaseViewOptions) {
    this.#options = options;
    this.#contents = new BaseContents(options.source, options.format);
    this.#learner = new DirectoryContents(this.#contents);
    const root: BaseEntry = { name: "", kind: "directory", mode: MODE_OF.directory, oid: options.tree };
    this.root = this.#make(undefined, root);
    this.root.references = Infinity;
  }

  node(id: number): BaseNode {
    return this.#nodes.get(id);
  }

  retain(id: number): void {
    this.#nodes.retain(id);
  }

  forget(id: number, count: number): void {
    this.#nodes.forget(id, count);
  }

  lookup(asked: ViewNode, name: string, waiting?: Waiting): Answer<ViewNode | undefined> {
    const directory = this.node(asked.id);
    return whenHere(this.#tree(directory, waiting), (tree) => {
      const entry = this.#entry(directory, tree, name);
      if (entry === undefined) return undefined;
      const node = this.child(directory, entry);
      if (node.kind !== "symlink" || node.sizeBytes !== undefined) return node;
      return this.#learner.linkSizes(directory, tree, waiting).then(() => this.child(directory, entry));
    });
  }

  enter(asked: ViewNode, waiting?: Waiting): Answer<void> {
    return whenHere(this.#tree(this.node(asked.id), waiting), () => undefined);
  }

  list(asked: ViewNode, waiting?: Waiting): Answer<readonly ListedEntry[]> {
    const directory = this.node(asked.id);
    return whenHere(this.#tree(directory, waiting), (tree) => {
      directory.isListed = true;
      const listed = tree.list(directory.ino);
      if (this.#entry(directory, undefined, GIT_FILE.name) !== undefined) {
        const { name, kind, mode } = GIT_FILE;
        listed.unshift({ name, ino: inodeOfEntry(directory.ino, GIT_FILE), kind, mode });
      }
      return listed;
    });
  }

  child(asked: ViewNode, { name }: Pick<ListedEntry, "name">): BaseNode {
    const directory = this.node(asked.id);
    const entry = this.#entry(directory, directory.tree, name);
    if (entry === undefined) throw new Refusal("ENOENT");
    return directory.children.get(name) ?? this.#make(directory, entry);
  }

  parent(node: ViewNode): ViewNode {
    return this.node(node.id).parent;
  }

  size(asked: ViewNode, waiting?: Waiting): Answer<number> {
    const { sizeBytes, oid, parent } = this.node(asked.id);
    if (sizeBytes !== undefined || oid === undefined) return sizeBytes ?? 0;
    return this.#learner.size(parent, parent.tree ?? NO_TREE, oid, waiting);
  }

  readlink(asked: ViewNode, waiting?: Waiting): Answer<string> {
    const { kind, oid, parent } = this.node(asked.id);
    if (kind !== "symlink" || oid === undefined) throw new Refusal("EINVAL");
    return this.#contents.targetOf(oid) ?? this.#learner.target(parent.tree ?? NO_TREE, oid, waiting);
  }

  open(asked: ViewNode, waiting?: Waiting): Answer<OpenFile> {
    const { kind, oid, parent, content = new Uint8Array() } = this.node(asked.id);
    if (kind === "directory") throw new Refusal("EISDIR");
    if (kind === "symlink") throw new Refusal("ELOOP");
    if (oid === undefined) {
      const file: OpenFile = {
        read: (offset, sizeBytes) => content.subarray(offset, offset + sizeBytes),
        close: () => undefined,
      };
      return whenHere(this.#contents.source.gitWorks?.(waiting), () => file);
    }
    const opening = this.#contents.open(oid, waiting);
    this.#learner.prefetch(parent, parent.tree ?? NO_TREE);
    return whenHere(opening, (blob) => ({
      read: (offset, sizeBytes, reader) => readBlob(blob, offset, sizeBytes, reader),
      close: () => blob.release(),
    }));
  }

  #make(parent: BaseNode | undefined, entry: BaseEntry): BaseNode {
    const { mtimeSeconds, gitFile } = this.#options;
    const shared = { mtimeSeconds, contents: this.#contents };
    const node = this.#nodes.add((id) => new BaseNode(id, parent, entry, shared));
    if (entry === GIT_FILE) node.content = gitFile;
    parent?.children.set(entry.name, node);
    return node;
  }

  /** Those of its nodes that nobody holds go with it: they were offered, and not taken. */
  #drop(node: BaseNode): void {
    this.#nodes.delete(node);
    if (node.parent.children.get(node.name) === node) node.parent.children.delete(node.name);
    for (const child of node.children.values()) if (child.references <= 0) this.#drop(child);
    if (node.tree !== undefined && node.oid !== undefined) this.#contents.release(node.oid);
    node.tree = undefined;
  }

  #tree(node: BaseNode, waiting: Waiting | undefined): Answer<BaseTree> {
    if (node.kind !== "directory") throw new Refusal("ENOTDIR");
    const { oid } = node;
    if (node.tree !== undefined || oid === undefined) return node.tree ?? (node.tree = NO_TREE);
    return whenHere(this.#contents.hold(oid, waiting), (tree) => {
      // Somebody else may have waited for it, too.
      if (node.tree !== undefined) this.#contents.release(oid);
      return (node.tree = tree);
    });
  }

  #entry(directory: BaseNode, tree: BaseTree | undefined, name: string): BaseEntry | undefined {
    const isGitFile =
      directory === this.root && name === GIT_FILE.name && this.#options.gitFile !== undefined;
    return isGitFile ? GIT_FILE : tree?.get(name);
  }
}
