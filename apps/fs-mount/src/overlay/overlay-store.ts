import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Oid } from "@millrace/pack";
import { Refusal } from "../view/refusal.ts";
import type { AttributeChange, NewNode } from "../view/writable-view.ts";
import { changeAttributes, withoutXattr, withXattr } from "./attributes.ts";
import { BackingFiles, type ContentSource } from "./backing-files.ts";
import { now } from "./clock.ts";
import { GuardedContents } from "./guarded-contents.ts";
import * as names from "./names.ts";
import { planReconcile, type ReconcileSource, reconcileInputs } from "./reconcile.ts";
import { isDirectory, isFile, S_IFDIR } from "../view/mode.ts";
import type { LowerEntry, OverlayNode } from "./row.ts";
import type { RowChange } from "./row-layer.ts";
import { RowStore } from "./row-store.ts";
import { OverlayOptions } from "./schema.ts";
import { lockStateFolder } from "./state-lock.ts";

export const ROOT = 1;
const MAX_FILE_BYTES = 2 ** 44;
/** How often trees and contents are asked for, before a change of the base goes without what has not been told by then. */
const MAX_ROUNDS = 64;

/** One line of a directory, rows and what lies below as one. */
export interface MergedEntry {
  /** Bytes, one to a character. */
  readonly name: string;
  /** The row, by id; else `lower` says what lies below. */
  readonly node: number | undefined;
  readonly lower: LowerEntry | undefined;
}

/** How much is in an overlay. */
export interface OverlayStatistics {
  /** Files, links and directories that are not what the base has at their place. */
  readonly changed: number;
  /** Names of the base that are hidden. */
  readonly deleted: number;
  /** Bytes that were no whole change when the overlay was opened. */
  readonly lostBytes: number;
}

/**
 * Opens the local changes of a mount.
 * @throws MountError MOUNT_STATE_LOCKED, MOUNT_STATE_UNLOCKABLE, MOUNT_OVERLAY_DAMAGED; errors of `node:fs`; a ZodError
 */
export function openOverlay(options: OverlayOptions): OverlayStore {
  const { folder, tree, lower, isLocked = false } = OverlayOptions.parse(options);
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const unlock = isLocked ? (): void => undefined : lockStateFolder(folder);
  try {
    return new OverlayStore(folder, tree, lower, unlock);
  } catch (error) {
    unlock();
    throw error;
  }
}

/**
 * Local changes over trees. Directories are told by ids and names, so that a directory moves with all that is in it by one row.
 * What an operation has done is there after the end of the process as soon as it returns, and after a loss of power as soon as a
 * `sync` behind it has resolved. An operation that throws has done nothing.
 *
 * Operations throw `Refusal`s, and errors of `node:fs` whose `code` is the number's name (ENOSPC). Names are bytes, one to a character.
 */
export class OverlayStore {
  readonly #rows: RowStore;
  readonly #files: BackingFiles;
  readonly #guarded: GuardedContents;
  readonly #lower: OverlayOptions["lower"];
  readonly #unlock: () => void;
  readonly #held = new Map<number, number>();
  /** Files that no row names any more, by the change since which that is so: a loss of power must not take a file and leave its row. */
  #doomed: { readonly name: string; readonly since: number }[] = [];

  /** Use `openOverlay`. */
  constructor(folder: string, tree: Oid, lower: OverlayOptions["lower"], unlock: () => void) {
    this.#lower = lower;
    this.#unlock = unlock;
    this.#rows = new RowStore(folder);
    this.#files = new BackingFiles(join(folder, "content"));
    this.#guarded = new GuardedContents(this.#files, (id) => this.#rows.node(id));
    this.#rows.beforeDurable = (): Promise<void> => this.#guarded.sync();
    this.#rows.onDurable = (last): void => this.#removeDoomed(last);
    if (this.#rows.node(ROOT) === undefined) {
      const root = { id: ROOT, mode: S_IFDIR | 0o755, nlink: 1, oid: tree, parent: ROOT, isChanged: false };
      this.#change((change) => change.putNode(root));
    }
    if (this.#rows.wasInterrupted) {
      const kept = new Set<string>();
      for (const { backing } of this.#rows.nodes()) if (backing !== undefined) kept.add(backing);
      this.#files.sweep(kept);
    }
  }

  get statistics(): OverlayStatistics {
    const { changed, whiteouts } = this.#rows.counts;
    return { changed, deleted: whiteouts, lostBytes: this.#rows.lostBytes };
  }

  /** The number of the newest change. */
  get last(): number {
    return this.#rows.last;
  }

  /** A node with a row, or one that somebody holds. */
  node(id: number): OverlayNode | undefined {
    return this.#rows.node(id);
  }

  /** What a name leads to. @throws Refusal ESTALE, ENOTDIR */
  lookup(directory: number, name: string): names.Found | undefined {
    return names.find(this.#rows, this.#lower, names.directoryOf(this.#rows, directory), name);
  }

  /** A directory's names in the order of their bytes; those that change meanwhile may show or not. @param after only names behind this one */
  list(directory: number, after = ""): Generator<MergedEntry> {
    return this.#merged(names.directoryOf(this.#rows, directory), after);
  }

  /** The names in a directory that lead to rows. */
  *rowsOf(directory: number): Generator<readonly [name: string, node: OverlayNode]> {
    for (const [name, { node: id }] of this.#rows.entries(directory)) {
      const node = id === undefined ? undefined : this.#rows.node(id);
      if (node !== undefined) yield [name, node];
    }
  }

  /** Keeps a node when it has lost its last name, with its content, until it is released as often. */
  hold(id: number): void {
    this.#held.set(id, (this.#held.get(id) ?? 0) + 1);
  }

  release(id: number): void {
    const count = (this.#held.get(id) ?? 0) - 1;
    if (count > 0) {
      this.#held.set(id, count);
      return;
    }
    this.#held.delete(id);
    if (this.#rows.node(id)?.nlink === 0) this.#change((change) => change.deleteNode(id));
  }

  /**
   * The row of a name, which is made where there is none; nothing that shows changes. @throws Refusal ENOENT, ESTALE, ENOTDIR
   * @param ino the number that users know it by
   */
  adopt(directory: number, name: string, ino?: number): OverlayNode {
    return this.#named((context) =>
      names.adopt(context, names.directoryOf(context.change, directory), name, ino),
    );
  }

  /** Makes a file, directory, link or special file. @throws Refusal EEXIST, ENOENT, EINVAL, ENAMETOOLONG, ENOTDIR, ESTALE */
  make(directory: number, name: string, made: NewNode): OverlayNode {
    const node = this.#named((context) => names.make(context, directory, name, made));
    this.#guarded.born(node.id);
    return node;
  }

  /** One more name for a node. @throws Refusal EEXIST, EPERM, ENOENT, ENAMETOOLONG, ENOTDIR, ESTALE */
  link(id: number, directory: number, name: string): OverlayNode {
    return this.#named((context) => names.link(context, id, directory, name));
  }

  /**
   * Takes a name away. @throws Refusal ENOENT, EISDIR, ESTALE, ENOTDIR
   * @param keep holds what had it, also where it had no row
   */
  unlink(directory: number, name: string, keep = false): OverlayNode {
    return this.#removed(keep, (context) => names.unlink(context, directory, name));
  }

  /** As `unlink`, of an empty directory. @throws Refusal ENOENT, ENOTDIR, ENOTEMPTY, ESTALE */
  rmdir(directory: number, name: string, keep = false): OverlayNode {
    return this.#removed(keep, (context) => names.rmdir(context, directory, name));
  }

  /**
   * Moves a name, with all that is below it.
   * @param flags 1 is RENAME_NOREPLACE, 2 RENAME_EXCHANGE
   * @param keep holds what had the new name
   * @returns what had the new name and was replaced
   * @throws Refusal ENOENT, EEXIST, EINVAL, EISDIR, ENOTDIR, ENOTEMPTY, ENAMETOOLONG, ESTALE
   */
  rename(
    directory: number,
    name: string,
    newDirectory: number,
    newName: string,
    flags = 0,
    keep = false,
  ): OverlayNode | undefined {
    const replaced = this.#removed(keep, (context) =>
      names.rename(context, { parent: directory, name }, { parent: newDirectory, name: newName }, flags),
    );
    if (replaced !== undefined) this.#guardMoved(newDirectory, newName);
    return replaced;
  }

  /** Changes owner, permissions and times. @throws Refusal ESTALE */
  setAttributes(id: number, change: AttributeChange): OverlayNode {
    return this.#replace(changeAttributes(this.#living(id), change, now()));
  }

  /** @param flags 1 is XATTR_CREATE, 2 XATTR_REPLACE @throws Refusal EEXIST, ENODATA, ENOSPC, EOPNOTSUPP, ESTALE */
  setXattr(id: number, name: string, value: Uint8Array, flags = 0): void {
    this.#replace(withXattr(this.#living(id), name, value, flags, now()));
  }

  /** @throws Refusal ENODATA, ESTALE */
  removeXattr(id: number, name: string): void {
    this.#replace(withoutXattr(this.#living(id), name, now()));
  }

  /** Whether a file's content is that of its blob, so that it is read there, and has to be here before it is written to. */
  needsContent(id: number): boolean {
    const node = this.#living(id);
    return isFile(node) && node.oid !== undefined;
  }

  /**
   * Copies a file's content here. Where it is here already, or comes to be here meanwhile, nothing happens.
   * @param source stays open until this has ended
   */
  promote(id: number, source: ContentSource): void | Promise<void> {
    return this.#copied(id, source, source.sizeBytes, ({ node }) => node);
  }

  /** Bytes from `offset`, fewer at the end. Only where the content is here. @throws Refusal EISDIR, EINVAL, ESTALE, EIO */
  read(id: number, offset: number, length: number): Uint8Array {
    const { backing, sizeBytes = 0 } = this.#content(id);
    if (backing !== undefined) return this.#files.read(backing, sizeBytes, offset, length);
    return new Uint8Array(Math.max(0, Math.min(length, sizeBytes - offset)));
  }

  /** A descriptor of the content, valid until the next call; `undefined` where it is all zeros. It may be shorter than the file: the rest is zeros. */
  descriptor(id: number): number | undefined {
    const { backing, sizeBytes = 0 } = this.#content(id);
    return backing === undefined ? undefined : this.#files.open(backing, sizeBytes);
  }

  /**
   * Writes `data`, all of it but where the disk is full: then what there was room for. Only where the content is here.
   * @returns bytes written
   * @throws Refusal EFBIG, EISDIR, EINVAL, ESTALE; ENOSPC where there was room for nothing
   */
  write(id: number, offset: number, data: Uint8Array): number {
    const node = this.#content(id);
    if (offset + data.length > MAX_FILE_BYTES) throw new Refusal("EFBIG");
    if (data.length === 0) return 0;
    const { sizeBytes = 0 } = node;
    const backing = this.#whereRoom(() => node.backing ?? this.#files.create());
    try {
      const written = this.#whereRoom(() => this.#files.write(backing, sizeBytes, offset, data));
      const time = now();
      const replaced = this.#replace({
        ...node,
        backing,
        sizeBytes: Math.max(sizeBytes, offset + written),
        mtime: time,
        ctime: time,
        isChanged: true,
      });
      if (node.backing === undefined) this.#guarded.addFirst(replaced);
      return written;
    } catch (error) {
      if (node.backing === undefined) this.#files.remove(backing);
      else this.#files.cut(backing, sizeBytes);
      throw error;
    }
  }

  /**
   * Cuts a file, or lets it grow by zeros.
   * @param source of the content where `needsContent` and something of it stays
   * @throws Refusal EFBIG, EINVAL, EISDIR, ESTALE
   */
  truncate(id: number, sizeBytes: number, source?: ContentSource): void | Promise<void> {
    if (sizeBytes > MAX_FILE_BYTES) throw new Refusal("EFBIG");
    if (!Number.isSafeInteger(sizeBytes) || sizeBytes < 0) throw new Refusal("EINVAL");
    const resized = (node: OverlayNode): OverlayNode => {
      const time = now();
      return { ...node, sizeBytes, mtime: time, ctime: time, isChanged: true };
    };
    if (sizeBytes > 0 && this.needsContent(id)) {
      if (source === undefined) throw new Error("a truncation needs the content of the file");
      return this.#copied(id, source, Math.min(sizeBytes, source.sizeBytes), ({ node, isCopied }) => {
        if (!isCopied) this.#truncateHere(node, sizeBytes, resized);
        return isCopied ? resized(node) : undefined;
      });
    }
    this.#truncateHere(this.#living(id), sizeBytes, resized);
  }

  /** Puts a node where it survives a loss of power: its content, its attributes, its names. */
  async sync(id: number): Promise<void> {
    const node = this.#living(id);
    if (node.backing !== undefined) await this.#files.sync(node.backing, node.sizeBytes ?? 0);
    await this.#rows.sync();
  }

  /**
   * Lets another tree lie below the root, so that what shows stays as it is: rows that are as the new tree has them go, or let go of
   * their content; where the new tree differs and there was no row, one keeps what was.
   * @param tree of the new base
   */
  async reconcile(tree: Oid, source: ReconcileSource): Promise<void> {
    const inputs = reconcileInputs(this.#rows, (id) => this.#held.has(id));
    for (let round = 0; ; round++) {
      const change = this.#rows.begin();
      const missing = planReconcile(inputs, change, tree);
      if (missing.trees.length === 0 && missing.contents.length === 0) {
        this.#apply(change);
        source.applied?.();
        return;
      }
      if (round === MAX_ROUNDS) inputs.giveUpContents();
      await inputs.fetch(missing, source);
    }
  }

  /** Takes all changes to the database. @throws what the database throws */
  async flush(): Promise<void> {
    await this.#rows.flush();
  }

  async close(): Promise<void> {
    try {
      for (const id of this.#held.keys()) {
        this.#held.set(id, 1);
        this.release(id);
      }
      await this.#rows.close();
      this.#removeDoomed(Infinity);
      this.#files.close();
    } finally {
      this.#unlock();
    }
  }

  #truncateHere(node: OverlayNode, sizeBytes: number, resized: (node: OverlayNode) => OverlayNode): void {
    if (isDirectory(node)) throw new Refusal("EISDIR");
    if (!isFile(node)) throw new Refusal("EINVAL");
    const before = node.sizeBytes ?? 0;
    if (sizeBytes === 0) {
      // A new file for what comes: until this is durable, the old content may be needed.
      this.#replace({ ...resized(node), oid: undefined, backing: undefined });
      return;
    }
    // What an unfinished write left behind the end must not come to show.
    if (node.backing !== undefined) this.#files.open(node.backing, before);
    this.#replace(resized(node));
    if (node.backing !== undefined && sizeBytes < before) this.#files.cut(node.backing, sizeBytes);
  }

  /** Copies `sizeBytes` of a content; `finish` says what becomes of the node. */
  #copied(
    id: number,
    source: ContentSource,
    sizeBytes: number,
    finish: (state: { node: OverlayNode; isCopied: boolean }) => OverlayNode | undefined,
  ): void | Promise<void> {
    const { oid } = this.#living(id);
    if (!this.needsContent(id)) return;
    const copied = (backing: string): void => {
      try {
        const node = this.#living(id);
        const isCopied = node.oid === oid && oid !== undefined;
        const finished = finish({
          node: isCopied ? { ...node, oid: undefined, backing, sizeBytes, isChanged: true } : node,
          isCopied,
        });
        if (isCopied && finished !== undefined) this.#guarded.add(this.#replace(finished));
        if (!isCopied) this.#files.remove(backing);
      } catch (error) {
        this.#files.remove(backing);
        throw error;
      }
    };
    const copy = this.#whereRoom(() => this.#files.copy(source, sizeBytes));
    return typeof copy === "string" ? copied(copy) : copy.then(copied);
  }

  #living(id: number): OverlayNode {
    const node = this.#rows.node(id);
    if (node === undefined) throw new Refusal("ESTALE");
    return node;
  }

  /** A file whose content is here. */
  #content(id: number): OverlayNode {
    const node = this.#living(id);
    if (isDirectory(node)) throw new Refusal("EISDIR");
    if (!isFile(node)) throw new Refusal("EINVAL");
    if (node.oid !== undefined) throw new Error(`the content of node ${id} is not here`);
    return node;
  }

  #named<T>(operate: (context: names.NameContext) => T): T {
    return this.#change((change) =>
      operate({ change, lower: this.#lower, isEmpty: (directory) => this.#isEmpty(directory), now: now() }),
    );
  }

  #removed<T extends OverlayNode | undefined>(keep: boolean, operate: (context: names.NameContext) => T): T {
    let removed: T | undefined;
    try {
      return this.#named((context) => {
        removed = operate(context);
        if (keep && removed !== undefined) this.hold(removed.id);
        return removed;
      });
    } catch (error) {
      if (keep && removed !== undefined) this.release(removed.id);
      throw error;
    }
  }

  #guardMoved(directory: number, name: string): void {
    const moved = this.lookup(directory, name)?.node;
    if (moved !== undefined) this.#guarded.add(moved);
  }

  #isEmpty(directory: OverlayNode): boolean {
    return this.#merged(directory).next().done === true;
  }

  *#merged({ id, oid }: OverlayNode, after = ""): Generator<MergedEntry> {
    const lower = oid === undefined ? undefined : this.#lower(oid);
    const below = [...(lower?.keys() ?? [])].filter((name) => name > after).sort();
    const shown = (name: string): MergedEntry => ({ name, node: undefined, lower: lower?.get(name) });
    let next = 0;
    for (const [name, { node }] of this.#rows.entries(id, after)) {
      for (; next < below.length && below[next]! < name; next++) yield shown(below[next]!);
      if (below[next] === name) next++;
      if (node !== undefined) yield { name, node, lower: undefined };
    }
    for (; next < below.length; next++) yield shown(below[next]!);
  }

  #replace(node: OverlayNode): OverlayNode {
    this.#change((change) => change.putNode(node));
    return node;
  }

  #change<T>(operate: (change: RowChange) => T): T {
    const change = this.#rows.begin();
    const result = operate(change);
    this.#apply(change);
    return result;
  }

  #apply(change: RowChange): void {
    const dropped: string[] = [];
    const { nodes } = change.layer;
    for (const [id, node] of nodes) {
      const before = this.#rows.node(id);
      const isGone = node === null || (node.nlink === 0 && !this.#held.has(id));
      if (isGone && before === undefined) nodes.delete(id);
      else if (isGone) nodes.set(id, null);
      if (before?.backing !== undefined && (isGone || node.backing !== before.backing))
        dropped.push(before.backing);
    }
    if (change.layer.isEmpty) return;
    this.#whereRoom(() => this.#rows.apply(change));
    for (const name of dropped) this.#doomed.push({ name, since: this.#rows.last });
    if (dropped.length > 0 && this.#rows.durable === this.#rows.last) this.#removeDoomed(this.#rows.last);
  }

  /** Tries, and where the disk is full once more without the files that could go. */
  #whereRoom<T>(attempt: () => T): T {
    try {
      return attempt();
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ENOSPC" || this.#doomed.length === 0) throw error;
      this.#guarded.syncNow();
      this.#rows.syncNow();
      return attempt();
    }
  }

  #removeDoomed(last: number): void {
    const doomed = this.#doomed;
    this.#doomed = doomed.filter(({ since }) => since > last);
    for (const { name, since } of doomed) if (since <= last) this.#files.remove(name);
  }
}
