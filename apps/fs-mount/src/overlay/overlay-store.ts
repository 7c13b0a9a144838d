import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Oid } from "@millrace/pack";
import { Refusal } from "../view/refusal.ts";
import type { AttributeChange, NewNode } from "../view/writable-view.ts";
import { changeAttributes, withoutXattr, withXattr } from "./attributes.ts";
import { now } from "./clock.ts";
import { FileContents } from "./file-contents.ts";
import * as names from "./names.ts";
import { planReconcile, type ReconcileSource, reconcileInputs } from "./reconcile.ts";
import { S_IFDIR } from "../view/mode.ts";
import type { LowerEntry, OverlayNode } from "./row.ts";
import type { RowChange } from "./row-layer.ts";
import { RowStore } from "./row-store.ts";
import { OverlayOptions } from "./schema.ts";
import { lockStateFolder } from "./state-lock.ts";

export const ROOT = 1;
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
  readonly contents: FileContents;
  readonly #rows: RowStore;
  readonly #lower: OverlayOptions["lower"];
  readonly #unlock: () => void;
  readonly #held = new Map<number, number>();

  /** Use `openOverlay`. */
  constructor(folder: string, tree: Oid, lower: OverlayOptions["lower"], unlock: () => void) {
    this.#lower = lower;
    this.#unlock = unlock;
    this.#rows = new RowStore(folder);
    this.contents = new FileContents(join(folder, "content"), this.#rows, (node, content) =>
      this.#replace(node, content),
    );
    if (this.#rows.node(ROOT) === undefined) {
      const root = { id: ROOT, mode: S_IFDIR | 0o755, nlink: 1, oid: tree, parent: ROOT, isChanged: false };
      this.#change((change) => change.putNode(root));
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
    this.contents.born(node.id);
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

  /** Puts a node where it survives a loss of power: its content, its attributes, its names. */
  async sync(id: number): Promise<void> {
    await this.contents.sync(this.#living(id));
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
      this.contents.close();
    } finally {
      this.#unlock();
    }
  }

  #living(id: number): OverlayNode {
    const node = this.#rows.node(id);
    if (node === undefined) throw new Refusal("ESTALE");
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
    if (moved !== undefined) this.contents.cameOver(moved);
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

  #replace(node: OverlayNode, content?: Uint8Array): OverlayNode {
    this.#change((change) => {
      change.putNode(node);
      if (content !== undefined) change.putContent(node.id, content);
    });
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
    const { layer } = change;
    const { nodes } = layer;
    for (const [id, node] of nodes) {
      const before = this.#rows.node(id);
      const isGone = node === null || (node.nlink === 0 && !this.#held.has(id));
      if (isGone && before === undefined) nodes.delete(id);
      else if (isGone) nodes.set(id, null);
      if (before?.backing !== undefined && (isGone || node.backing !== before.backing))
        dropped.push(before.backing);
      if (before?.isSmall && (isGone || !node.isSmall)) layer.putContent(id, null);
    }
    if (layer.isEmpty) return;
    this.contents.whereRoom(() => this.#rows.apply(change));
    this.contents.dropped(dropped);
  }
}
