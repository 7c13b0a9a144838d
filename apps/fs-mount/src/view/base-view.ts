import { readSync } from "node:fs";
import type { ObjectFormat, Oid } from "@millrace/pack";
import { EXPLICIT_READ, type OpenBlob } from "../hydrator/blobs.ts";
import { BaseNode, inodeOfEntry, MODE_OF } from "./base-node.ts";
import { type BaseEntry, type BaseTree, parseBaseTree } from "./base-tree.ts";
import { Refusal } from "./refusal.ts";
import type { Answer, ListedEntry, NodeKind, OpenFile, View, ViewNode, ViewSource, Waiting } from "./view.ts";
import { waitFor, whenHere } from "./wait.ts";

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

const GIT_FILE: BaseEntry = { name: ".git", kind: "file", oid: undefined };
/** Where a symbolic link may lead, in bytes (PATH_MAX and its NUL). */
const MAX_TARGET_BYTES = 4095;
/** Links of one directory that are read at once. */
const LINKS_AT_ONCE = 256;

/** The files of one tree object, read from it when they are looked at. Nothing in it changes. */
export class BaseView implements View {
  readonly root: BaseNode;
  readonly #options: BaseViewOptions;
  readonly #nodes = new Map<number, BaseNode>();
  readonly #sizes = new Map<Oid, number>();
  /** Sizes of directories' files and targets of their links that are being learnt. */
  readonly #learning = new Map<string, Promise<void>>();
  readonly #reading = new Map<Oid, Promise<BaseTree>>();
  #lastId = 1;

  constructor(options: BaseViewOptions) {
    this.#options = options;
    this.root = this.#make(1, undefined, { name: "", kind: "directory", oid: options.tree });
    this.root.references = 1;
  }

  node(id: number): BaseNode {
    const node = this.#nodes.get(id);
    if (node === undefined) throw new Refusal("ESTALE");
    return node;
  }

  retain(id: number): void {
    this.node(id).references++;
  }

  forget(id: number, count: number): void {
    const node = this.#nodes.get(id);
    if (node === undefined || node === this.root) return;
    node.references -= count;
    if (node.references <= 0) this.#drop(node);
  }

  lookup(directory: ViewNode, name: string, waiting?: Waiting): Answer<ViewNode | undefined> {
    const parent = this.node(directory.id);
    const tree = this.#tree(parent, waiting);
    return tree instanceof Promise
      ? tree.then((read) => this.#find(parent, read, name, waiting))
      : this.#find(parent, tree, name, waiting);
  }

  list(directory: ViewNode, waiting?: Waiting): Answer<readonly ListedEntry[]> {
    const parent = this.node(directory.id);
    const tree = this.#tree(parent, waiting);
    return tree instanceof Promise
      ? tree.then((read) => this.#listed(parent, read))
      : this.#listed(parent, tree);
  }

  child(directory: ViewNode, { name }: Pick<ListedEntry, "name">): BaseNode {
    const parent = this.node(directory.id);
    const entry = this.#entry(parent, parent.tree, name);
    if (entry === undefined) throw new Refusal("ENOENT");
    return parent.children.get(name) ?? this.#make(++this.#lastId, parent, entry);
  }

  parent(node: ViewNode): ViewNode {
    return this.node(node.id).parent;
  }

  size(asked: ViewNode, waiting?: Waiting): Answer<number> {
    const node = this.node(asked.id);
    const known = node.sizeBytes;
    if (known !== undefined) return known;
    return this.#learnSizeOf(node, waiting).then(() => {
      const learnt = node.sizeBytes;
      if (learnt === undefined) throw new Refusal("EIO");
      return learnt;
    });
  }

  readlink(asked: ViewNode, waiting?: Waiting): Answer<string> {
    const node = this.node(asked.id);
    if (node.kind !== "symlink") throw new Refusal("EINVAL");
    return node.target ?? this.#follow(node, waiting);
  }

  open(asked: ViewNode, waiting?: Waiting): Answer<OpenFile> {
    const node = this.node(asked.id);
    if (node.kind === "directory") throw new Refusal("EISDIR");
    if (node.kind === "symlink") throw new Refusal("ELOOP");
    const { oid } = node;
    if (oid === undefined) return fileOfBytes(node.content ?? new Uint8Array());
    const { blobs } = this.#options.source;
    const opening = blobs.openHere?.(oid) ?? blobs.open(oid, EXPLICIT_READ, waiting?.signal);
    this.#prefetch(node.parent);
    return whenHere(opening, (blob) => {
      this.#sizes.set(oid, blob.sizeBytes);
      return fileOfBlob(blob);
    });
  }

  #make(id: number, parent: BaseNode | undefined, entry: BaseEntry): BaseNode {
    const { mtimeSeconds, gitFile } = this.#options;
    const node = new BaseNode(id, parent, entry, { mtimeSeconds, sizes: this.#sizes });
    if (entry === GIT_FILE) node.content = gitFile;
    this.#nodes.set(id, node);
    parent?.children.set(entry.name, node);
    return node;
  }

  /** Those of its nodes that nobody holds go with it: they were offered, and not taken. */
  #drop(node: BaseNode): void {
    this.#nodes.delete(node.id);
    if (node.parent.children.get(node.name) === node) node.parent.children.delete(node.name);
    for (const child of node.children.values()) if (child.references <= 0) this.#drop(child);
  }

  #tree(node: BaseNode, waiting: Waiting | undefined): Answer<BaseTree> {
    if (node.tree !== undefined) return node.tree;
    if (node.kind !== "directory") throw new Refusal("ENOTDIR");
    const { oid } = node;
    if (oid === undefined) return (node.tree = new Map());
    const under = this.#reading.get(oid) ?? this.#read(oid);
    if (!(under instanceof Promise)) return (node.tree = under);
    return waitFor(under, waiting?.signal).then((tree) => (node.tree = tree));
  }

  /** Reads a tree once, however many wait for it. */
  #read(oid: Oid): Answer<BaseTree> {
    const { source, format } = this.#options;
    const content = source.tree(oid);
    if (!(content instanceof Promise)) return parseBaseTree(content, format, oid);
    const reading = content
      .then((bytes) => parseBaseTree(bytes, format, oid))
      .finally(() => this.#reading.delete(oid));
    this.#reading.set(oid, reading);
    return reading;
  }

  #entry(parent: BaseNode, tree: BaseTree | undefined, name: string): BaseEntry | undefined {
    const isGitFile = parent === this.root && name === ".git" && this.#options.gitFile !== undefined;
    return isGitFile ? GIT_FILE : tree?.get(name);
  }

  #find(
    parent: BaseNode,
    tree: BaseTree,
    name: string,
    waiting: Waiting | undefined,
  ): Answer<ViewNode | undefined> {
    const entry = this.#entry(parent, tree, name);
    if (entry === undefined) return undefined;
    const node = this.child(parent, entry);
    if (node.kind !== "symlink" || node.sizeBytes !== undefined) return node;
    return this.#learn(`links ${parent.id}`, waiting, () => this.#learnSizes(parent, "symlink")).then(
      () => this.child(parent, entry),
      (error: unknown) => {
        if (waiting?.signal.aborted === true) throw error;
        // Whoever follows it, or asks for its size, is told of the fault.
        return this.child(parent, entry);
      },
    );
  }

  #listed(parent: BaseNode, tree: BaseTree): readonly ListedEntry[] {
    parent.isListed = true;
    const listed: ListedEntry[] = [];
    const add = (entry: BaseEntry): void => {
      const { name, kind } = entry;
      listed.push({ name, ino: inodeOfEntry(parent.ino, entry), kind, mode: MODE_OF[kind] });
    };
    if (this.#entry(parent, undefined, ".git") !== undefined) add(GIT_FILE);
    for (const entry of tree.values()) add(entry);
    return listed;
  }

  /** Waits for something that is learnt once for all who want it. */
  #learn(key: string, waiting: Waiting | undefined, start: () => Promise<void>): Promise<void> {
    let learning = this.#learning.get(key);
    if (learning === undefined) {
      learning = start().finally(() => this.#learning.delete(key));
      this.#learning.set(key, learning);
    }
    return waitFor(learning, waiting?.signal);
  }

  /**
   * The first size in a directory that nobody has listed is learnt alone: where the server does not tell sizes, whoever runs one file
   * does not want all of them.
   */
  #learnSizeOf(node: BaseNode, waiting: Waiting | undefined): Promise<void> {
    const { parent, oid } = node;
    if (parent.isListed || parent.isMeasured || oid === undefined) {
      return this.#learn(`sizes ${parent.id}`, waiting, () => this.#learnSizes(parent));
    }
    parent.isMeasured = true;
    return this.#learn(`size ${oid}`, waiting, async () => {
      const sizes = await this.#options.source.blobs.sizeOf([oid]);
      for (const [, sizeBytes] of sizes) this.#sizes.set(oid, sizeBytes);
    });
  }

  async #learnSizes(directory: BaseNode, only?: NodeKind): Promise<void> {
    const unknown = new Set<Oid>();
    for (const { kind, oid } of (await this.#tree(directory, undefined)).values()) {
      if (kind === "directory" || oid === undefined || this.#sizes.has(oid)) continue;
      if (only === undefined || kind === only) unknown.add(oid);
    }
    const sizes = await this.#options.source.blobs.sizeOf([...unknown]);
    for (const [oid, sizeBytes] of sizes) this.#sizes.set(oid, sizeBytes);
  }

  /** Where a link leads; the other links of its directory are read along with it. */
  async #follow(node: BaseNode, waiting: Waiting | undefined): Promise<string> {
    const { parent } = node;
    await this.#learn(`link ${node.id}`, waiting, async () => {
      const others: BaseNode[] = [];
      for (const entry of (await this.#tree(parent, undefined)).values()) {
        if (entry.kind !== "symlink" || entry.name === node.name || others.length >= LINKS_AT_ONCE) continue;
        const other = parent.children.get(entry.name);
        if (other?.target === undefined) others.push(this.child(parent, entry));
      }
      const asked = this.#readTarget(node);
      await Promise.all(others.map((other) => this.#readTarget(other).catch(() => undefined)));
      await asked;
    });
    if (node.target === undefined) throw new Refusal("EIO");
    return node.target;
  }

  async #readTarget(node: BaseNode): Promise<void> {
    if (node.oid === undefined || node.target !== undefined) return;
    const blob = await this.#options.source.blobs.open(node.oid, EXPLICIT_READ);
    try {
      if (blob.sizeBytes > MAX_TARGET_BYTES) throw new Refusal("ENAMETOOLONG");
      await blob.readable?.(blob.sizeBytes);
      const bytes = Buffer.alloc(blob.sizeBytes);
      const count = readSync(blob.fd, bytes, 0, bytes.length, 0);
      if (count !== bytes.length || count === 0 || bytes.includes(0)) throw new Refusal("EIO");
      node.target = bytes.toString("latin1");
      this.#sizes.set(node.oid, count);
    } finally {
      blob.release();
    }
  }

  /** Who has listed a directory and opens a file of it is likely to open others. */
  #prefetch(directory: BaseNode): void {
    if (!directory.isListed || directory.isPrefetched || directory.tree === undefined) return;
    directory.isPrefetched = true;
    const files: { oid: Oid; name: string }[] = [];
    for (const { kind, oid, name } of directory.tree.values()) {
      if ((kind === "file" || kind === "executable") && oid !== undefined) files.push({ oid, name });
    }
    if (files.length > 1) this.#options.source.blobs.prefetch(files);
  }
}

function fileOfBytes(content: Uint8Array): OpenFile {
  return {
    read: (offset, sizeBytes) => content.subarray(offset, offset + sizeBytes),
    close: () => undefined,
  };
}

function fileOfBlob(blob: OpenBlob): OpenFile {
  const pread = (offset: number, end: number): Uint8Array => {
    const bytes = Buffer.allocUnsafeSlow(end - offset);
    let at = 0;
    while (at < bytes.length) {
      const count = readSync(blob.fd, bytes, at, bytes.length - at, offset + at);
      // The file is shorter than the blob: somebody has cut it.
      if (count === 0) throw new Refusal("EIO");
      at += count;
    }
    return bytes;
  };
  return {
    read(offset, sizeBytes, waiting) {
      const end = Math.min(offset + sizeBytes, blob.sizeBytes);
      if (offset >= end) return new Uint8Array();
      if (blob.readable === undefined) return pread(offset, end);
      return blob.readable(end, waiting?.signal).then(() => pread(offset, end));
    },
    close: () => blob.release(),
  };
}
