import { Errno } from "../errno.ts";
import type {
  Caller,
  FilePosition,
  FileSystem,
  NegativeEntry,
  Opened,
  TimedAttributes,
} from "../file-system.ts";
import { OPENED, ROOT_ID, WRITE_KILL_SUIDGID } from "../protocol/constants.ts";
import type { AttributeChange } from "../protocol/decode.ts";
import type { DirectoryEntry, Entry, FileSystemStatistics } from "../protocol/types.ts";
import { getAttribute, removeAttribute, setAttribute } from "./extended-attributes.ts";
import { allocateInFile, contentOf, readFile, seekInFile, truncateFile, writeFile } from "./file-content.ts";
import { MemoryNode, now, S_IFDIR, S_IFLNK, S_IFMT, S_IFREG, S_ISGID } from "./node.ts";
import type { MemoryOptions } from "./schema.ts";
import { Space } from "./space.ts";

/** Nothing changes but through the kernel, so it may remember all it likes. */
const FOREVER_MS = 86_400_000;
const MAX_NAME_BYTES = 255;
const [NOREPLACE, EXCHANGE] = [1, 2];
const O_EXCL = 0o200;

/** A file system in memory; every handler answers at once. Permissions are the kernel's to check (`defaultPermissions`). */
export class MemoryFileSystem implements FileSystem {
  readonly killsPrivileges = true;
  readonly #space: Space;
  readonly #maxNodes: number;
  readonly #nodes = new Map<number, MemoryNode>();
  /** Names of open directories, as they were when reading began. */
  readonly #listings = new Map<number, string[]>();
  #lastId = ROOT_ID;
  #lastHandle = 0;

  constructor(options: MemoryOptions) {
    this.#space = new Space(options.maxBytes ?? 2 ** 30);
    this.#maxNodes = options.maxNodes ?? 1_000_000;
    const mode = S_IFDIR | (options.rootMode ?? 0o755);
    const root = new MemoryNode(ROOT_ID, { mode, uid: options.uid ?? 0, gid: options.gid ?? 0 });
    root.parent = root;
    root.references = 1;
    this.#nodes.set(ROOT_ID, root);
  }

  lookup(parent: number, name: string): Entry | NegativeEntry {
    const node = this.#children(parent, name).get(name);
    return node === undefined ? { absentForMs: FOREVER_MS } : this.#tell(node);
  }

  forget(nodeId: number, count: number): void {
    const node = this.#nodes.get(nodeId);
    if (node === undefined) return;
    node.references -= count;
    this.#dropIfUnused(node);
  }

  referenced(nodeId: number): void {
    const node = this.#nodes.get(nodeId);
    if (node !== undefined) node.references++;
  }

  getattr(nodeId: number): TimedAttributes {
    return { attributes: this.#node(nodeId).stat(), timeoutMs: FOREVER_MS };
  }

  setattr(nodeId: number, change: AttributeChange, caller: Caller): TimedAttributes {
    const node = this.#node(nodeId);
    if (change.sizeBytes !== undefined) truncateFile(this.#space, node, change.sizeBytes);
    if (change.mode !== undefined) node.mode = (node.mode & S_IFMT) | (change.mode & 0o7777);
    if (change.uid !== undefined || change.gid !== undefined) {
      node.uid = change.uid ?? node.uid;
      node.gid = change.gid ?? node.gid;
      node.killPrivileges();
    } else if (change.killPrivileges) {
      node.killPrivileges(caller.gid);
    }
    if (change.atime !== undefined) node.atime = change.atime === "now" ? now() : change.atime;
    if (change.mtime !== undefined) node.mtime = change.mtime === "now" ? now() : change.mtime;
    node.changed();
    return this.getattr(nodeId);
  }

  readlink(nodeId: number): string {
    const { target } = this.#node(nodeId);
    if (target === undefined) throw new Errno("EINVAL");
    return target;
  }

  symlink(parent: number, name: string, target: string, caller: Caller): Entry {
    return this.#tell(this.#make(parent, name, { mode: S_IFLNK | 0o777, target }, caller));
  }

  mknod(parent: number, name: string, mode: number, rdev: number, caller: Caller): Entry {
    return this.#tell(this.#make(parent, name, { mode, rdev }, caller));
  }

  mkdir(parent: number, name: string, mode: number, caller: Caller): Entry {
    return this.#tell(this.#make(parent, name, { mode: S_IFDIR | (mode & 0o7777) }, caller));
  }

  unlink(parent: number, name: string): void {
    const node = this.#child(parent, name);
    if (node.isDirectory) throw new Errno("EISDIR");
    this.#detach(this.#node(parent), name, node);
  }

  rmdir(parent: number, name: string): void {
    const node = this.#child(parent, name);
    if (node.children === undefined) throw new Errno("ENOTDIR");
    if (node.children.size > 0) throw new Errno("ENOTEMPTY");
    this.#detach(this.#node(parent), name, node);
  }

  rename(parent: number, name: string, newParent: number, newName: string, flags: number): void {
    if ((flags & ~(NOREPLACE | EXCHANGE)) !== 0) throw new Errno("EINVAL");
    const node = this.#child(parent, name);
    const [from, to] = [this.#node(parent), this.#node(newParent)];
    const there = this.#children(newParent, newName).get(newName);
    if ((flags & EXCHANGE) !== 0) {
      if (there === undefined) throw new Errno("ENOENT");
      this.#move(there, to, from);
      from.children?.set(name, there);
      there.changed();
    } else {
      if (there !== undefined && (flags & NOREPLACE) !== 0) throw new Errno("EEXIST");
      if (there === node) return;
      if (there !== undefined) {
        if (there.isDirectory && !node.isDirectory) throw new Errno("EISDIR");
        if (!there.isDirectory && node.isDirectory) throw new Errno("ENOTDIR");
        if (there.children !== undefined && there.children.size > 0) throw new Errno("ENOTEMPTY");
        this.#detach(to, newName, there);
      }
      from.children?.delete(name);
    }
    this.#move(node, from, to);
    to.children?.set(newName, node);
    node.changed();
    from.modified();
    to.modified();
  }

  link(nodeId: number, newParent: number, newName: string): Entry {
    const node = this.#node(nodeId);
    const parent = this.#node(newParent);
    const names = this.#children(newParent, newName);
    if (names.has(newName)) throw new Errno("EEXIST");
    if (node.isDirectory) throw new Errno("EPERM");
    // It had its last name taken away, and nothing may bring it back.
    if (node.nlink === 0) throw new Errno("ENOENT");
    names.set(newName, node);
    node.nlink++;
    node.changed();
    parent.modified();
    return this.#tell(node);
  }

  open(nodeId: number): Opened {
    return this.#open(this.#node(nodeId));
  }

  create(
    parent: number,
    name: string,
    mode: number,
    flags: number,
    caller: Caller,
  ): Opened & { entry: Entry } {
    const there = this.#children(parent, name).get(name);
    if (there !== undefined && (flags & O_EXCL) !== 0) throw new Errno("EEXIST");
    const node = there ?? this.#make(parent, name, { mode: S_IFREG | (mode & 0o7777) }, caller);
    return { ...this.#open(node), entry: this.#tell(node) };
  }

  read(nodeId: number, _handle: number, offset: number, sizeBytes: number): readonly Uint8Array[] {
    return readFile(this.#node(nodeId), offset, sizeBytes);
  }

  write(
    nodeId: number,
    _handle: number,
    offset: number,
    data: Uint8Array,
    writeFlags: number,
    caller?: Caller,
  ): number {
    const node = this.#node(nodeId);
    writeFile(this.#space, node, offset, data);
    if ((writeFlags & WRITE_KILL_SUIDGID) !== 0) node.killPrivileges(caller?.gid);
    node.modified();
    return data.length;
  }

  release(nodeId: number): void {
    const node = this.#node(nodeId);
    node.handles--;
    this.#dropIfUnused(node);
  }

  opendir(nodeId: number): Opened {
    return this.#open(this.#node(nodeId));
  }

  *readdir(nodeId: number, handle: number, offset: number, plus: boolean): Generator<DirectoryEntry> {
    const directory = this.#node(nodeId);
    let names = this.#listings.get(handle);
    if (names === undefined || offset === 0) {
      names = [...this.#children(nodeId).keys()];
      this.#listings.set(handle, names);
    }
    const dots = [directory, directory.parent ?? directory];
    for (let at = offset; at < names.length + 2; at++) {
      const dot = dots[at];
      if (dot !== undefined) {
        yield { name: at === 0 ? "." : "..", ino: dot.id, mode: dot.mode, nextOffset: at + 1 };
        continue;
      }
      const name = names[at - 2] ?? "";
      const node = directory.children?.get(name);
      if (node === undefined) continue;
      yield {
        name,
        ino: node.id,
        mode: node.mode,
        nextOffset: at + 1,
        entry: plus ? entryOf(node) : undefined,
      };
    }
  }

  releasedir(nodeId: number, handle: number): void {
    this.#listings.delete(handle);
    this.release(nodeId);
  }

  statfs(): FileSystemStatistics {
    const blocks = Math.floor(this.#space.maxBytes / 4096);
    const freeBlocks = Math.floor(this.#space.freeBytes / 4096);
    return {
      blocks,
      freeBlocks,
      availableBlocks: freeBlocks,
      files: this.#maxNodes,
      freeFiles: Math.max(0, this.#maxNodes - this.#nodes.size),
      blockSizeBytes: 4096,
      maxNameBytes: MAX_NAME_BYTES,
    };
  }

  setxattr(nodeId: number, name: string, value: Uint8Array, flags: number): void {
    setAttribute(this.#node(nodeId), name, value, flags);
  }

  getxattr(nodeId: number, name: string): Uint8Array {
    return getAttribute(this.#node(nodeId), name);
  }

  listxattr(nodeId: number): string[] {
    return [...(this.#node(nodeId).attributes?.keys() ?? [])];
  }

  removexattr(nodeId: number, name: string): void {
    removeAttribute(this.#node(nodeId), name);
  }

  lseek(nodeId: number, _handle: number, offset: number, whence: number): number {
    return seekInFile(this.#node(nodeId), offset, whence);
  }

  fallocate(nodeId: number, _handle: number, offset: number, lengthBytes: number, mode: number): void {
    allocateInFile(this.#space, this.#node(nodeId), offset, lengthBytes, mode);
  }

  copyFileRange(source: FilePosition, target: FilePosition, lengthBytes: number): number {
    const parts = contentOf(this.#node(source.nodeId)).read(source.offset, lengthBytes);
    let copied = 0;
    for (const part of parts)
      copied += this.write(target.nodeId, target.handle, target.offset + copied, part, 0);
    return copied;
  }

  #node(nodeId: number): MemoryNode {
    const node = this.#nodes.get(nodeId);
    if (node === undefined) throw new Errno("ESTALE");
    return node;
  }

  /** The names of a directory; `name` is one that will be looked for among them. */
  #children(parent: number, name = ""): Map<string, MemoryNode> {
    const { children } = this.#node(parent);
    if (children === undefined) throw new Errno("ENOTDIR");
    if (name.length > MAX_NAME_BYTES) throw new Errno("ENAMETOOLONG");
    return children;
  }

  #child(parent: number, name: string): MemoryNode {
    const node = this.#children(parent, name).get(name);
    if (node === undefined) throw new Errno("ENOENT");
    return node;
  }

  #make(
    parent: number,
    name: string,
    what: { mode: number; rdev?: number; target?: string },
    caller: Caller,
  ): MemoryNode {
    const names = this.#children(parent, name);
    const directory = this.#node(parent);
    if (names.has(name)) throw new Errno("EEXIST");
    if (this.#nodes.size >= this.#maxNodes) throw new Errno("ENOSPC");
    const inherits = (directory.mode & S_ISGID) !== 0;
    const isDirectory = (what.mode & S_IFMT) === S_IFDIR;
    const node = new MemoryNode(++this.#lastId, {
      ...what,
      mode: inherits && isDirectory ? what.mode | S_ISGID : what.mode,
      uid: caller.uid,
      gid: inherits ? directory.gid : caller.gid,
      ...(isDirectory ? { parent: directory } : {}),
    });
    this.#nodes.set(node.id, node);
    names.set(name, node);
    if (isDirectory) directory.nlink++;
    directory.modified();
    return node;
  }

  #tell(node: MemoryNode): Entry {
    node.references++;
    return entryOf(node);
  }

  #open(node: MemoryNode): Opened {
    node.handles++;
    return { handle: ++this.#lastHandle, flags: OPENED.KEEP_CACHE };
  }

  /** Takes one name away. The node stays as long as the kernel knows it. */
  #detach(directory: MemoryNode, name: string, node: MemoryNode): void {
    directory.children?.delete(name);
    directory.modified();
    node.nlink = node.isDirectory ? 0 : node.nlink - 1;
    if (node.isDirectory) directory.nlink--;
    node.changed();
    this.#dropIfUnused(node);
  }

  /** A directory takes the count of its `..` along. */
  #move(node: MemoryNode, from: MemoryNode, to: MemoryNode): void {
    if (!node.isDirectory) return;
    from.nlink--;
    to.nlink++;
    node.parent = to;
  }

  #dropIfUnused(node: MemoryNode): void {
    if (node.nlink > 0 || node.references > 0 || node.handles > 0) return;
    if (this.#nodes.delete(node.id)) this.#space.drop(node.content);
  }
}

function entryOf(node: MemoryNode): Entry {
  return {
    nodeId: node.id,
    attributes: node.stat(),
    entryTimeoutMs: FOREVER_MS,
    attributesTimeoutMs: FOREVER_MS,
  };
}
