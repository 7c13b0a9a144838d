import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { decodeChange, encodeChange, type Meta } from "./change-codec.ts";
import { reasonOf } from "./commit-fault.ts";
import { Journal, readJournal } from "./journal.ts";
import { Reserve } from "./reserve.ts";
import type { OverlayEntry, OverlayNode } from "./row.ts";
import { RowChange, RowLayer, type Rows } from "./row-layer.ts";
import { StoredRows } from "./stored-rows.ts";

/** The journal's length at which its changes go to the database. */
const COMMIT_AT_BYTES = 4 << 20;
/** And how long they wait at most, in milliseconds. */
const COMMIT_AFTER_MS = 5000;
/** Numbers of rows. */
export interface RowCounts {
  /** Nodes that are not what the base has at their place. */
  readonly changed: number;
  /** Names that are hidden. */
  readonly whiteouts: number;
}

/**
 * Rows on a disk. A change is in the journal when `apply` returns; the database takes many of them at once, in one durable commit,
 * and the journal is cut. Between, they are in memory too: in two layers, of which the older one is being committed.
 */
export class RowStore implements Rows {
  /** The last opening found changes of a process that had not closed the store. */
  readonly wasInterrupted: boolean;
  /** Called when all changes up to a number would survive a loss of power. */
  onDurable: ((last: number) => void) | undefined;
  /** Called before changes are put where they survive one, which waits for it; where it throws, they are not. */
  beforeDurable: (() => Promise<void>) | undefined;
  /** Bytes at the journal's end that were no whole change. */
  readonly lostBytes: number;
  readonly #stored: StoredRows;
  readonly #journal: Journal;
  readonly #reserve: Reserve;
  /** Nodes without a name, which somebody holds: they are nowhere else, so that nothing of them is left after a crash. */
  readonly #nameless = new Map<number, OverlayNode>();
  #newest = new RowLayer();
  #committing: RowLayer | undefined;
  #commit: Promise<void> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;
  #mustRewrite = false;
  #durable: number;
  #lastId: number;
  #changed: number;
  #whiteouts: number;

  /** Opens the rows of a folder, which is made. @throws MountError MOUNT_OVERLAY_DAMAGED, errors of `node:fs` */
  constructor(folder: string) {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    this.#stored = new StoredRows(join(folder, "rows.mdb"));
    const { meta } = this.#stored;
    this.#lastId = meta.lastId;
    this.#changed = meta.changed;
    this.#whiteouts = meta.whiteouts;
    const { payloads, last, lostBytes } = readJournal(folder, meta.applied);
    for (const payload of payloads) this.#take(decodeChange(payload));
    this.wasInterrupted = !meta.isClosed;
    this.lostBytes = lostBytes;
    this.#stored.commitNow(this.#newest, this.#meta(last, false));
    this.#newest = new RowLayer();
    this.#stored.grow(this.#lastId);
    this.#journal = new Journal(folder, last);
    this.#reserve = new Reserve(folder);
    this.#durable = last;
  }

  get counts(): RowCounts {
    return { changed: this.#changed, whiteouts: this.#whiteouts };
  }

  node(id: number): OverlayNode | undefined {
    return this.#nameless.get(id) ?? this.#named(id);
  }

  entry(directory: number, name: string): OverlayEntry | undefined {
    const entry = this.#newest.entry(directory, name) ?? this.#older(directory, name);
    return entry === undefined ? this.#stored.entry(directory, name) : (entry ?? undefined);
  }

  content(id: number): Uint8Array | undefined {
    const layered = this.#newest.contents.get(id);
    const content = layered === undefined ? this.#committing?.contents.get(id) : layered;
    return content === undefined ? this.#stored.content(id) : (content ?? undefined);
  }

  /** What is said of names of one directory, in the order of their bytes. Changes while it goes on may show or not. @param after only names behind this one */
  *entries(directory: number, after = ""): Generator<[name: string, entry: OverlayEntry]> {
    const inMemory = new Set([
      ...(this.#committing?.entries.get(directory)?.keys() ?? []),
      ...(this.#newest.entries.get(directory)?.keys() ?? []),
    ]);
    const names = [...inMemory].filter((name) => name > after).sort();
    let next = 0;
    for (const [name, stored] of this.#stored.entries(directory, after)) {
      for (; next < names.length && names[next]! < name; next++) yield* this.#shown(directory, names[next]!);
      if (!inMemory.has(name)) yield [name, stored];
    }
    for (; next < names.length; next++) yield* this.#shown(directory, names[next]!);
  }

  /** All nodes that have a name. */
  *nodes(): Generator<OverlayNode> {
    const seen = new Set<number>();
    for (const layer of [this.#newest, this.#committing]) {
      for (const [id, node] of layer?.nodes ?? []) {
        if (!seen.has(id) && node !== null) yield node;
        seen.add(id);
      }
    }
    yield* this.#stored.nodes(seen);
  }

  /** Removes the contents of all nodes but these. */
  sweepContents(kept: ReadonlySet<number>): void {
    this.#stored.sweepContents(kept);
  }

  /** The number of the newest change that would survive a loss of power. */
  get durable(): number {
    return this.#durable;
  }

  /** The number of the newest change. */
  get last(): number {
    return this.#journal.last;
  }

  begin(): RowChange {
    return new RowChange(this, this.#lastId);
  }

  /** Makes a change durable against the end of the process, all of it or nothing. @throws errors of `node:fs`: ENOSPC */
  apply(change: RowChange): void {
    const payload = encodeChange(change.layer, (id) => this.#nameless.has(id));
    if (payload.length > 0) this.#append(payload, change.layer);
    for (const [id, node] of change.layer.nodes) {
      if (node === null) this.#nameless.delete(id);
      else if (node.nlink === 0) this.#nameless.set(id, node);
    }
    this.#take(change.layer);
    this.#lastId = Math.max(this.#lastId, change.lastId);
    if (this.#journal.lengthBytes >= COMMIT_AT_BYTES) this.#startCommit();
    else this.#timer ??= setTimeout(() => this.#startCommit(), COMMIT_AFTER_MS).unref();
  }

  #append(payload: Uint8Array, layer: RowLayer): void {
    try {
      this.#journal.append(payload);
    } catch (error) {
      if (!isFull(error) || !onlyRemoves(layer) || !this.#reserve.release()) throw error;
      this.#journal.append(payload);
      setImmediate(() => this.#makeRoom());
    }
  }

  /** Contents that no row names any more go when that is on the disk, which the database may have no room for. */
  #makeRoom(): void {
    this.#reserve.release();
    void this.sync().catch(() => undefined);
  }

  /** Makes all changes so far durable against a loss of power. @throws errors of `node:fs` */
  async sync(): Promise<void> {
    // What a sync that failed was about may be gone from the system's memory: only writing it again helps.
    if (this.#mustRewrite) return await this.flush();
    const { last } = this.#journal;
    await this.beforeDurable?.();
    try {
      await this.#journal.sync();
    } catch (error) {
      this.#mustRewrite = true;
      throw error;
    }
    this.#isDurable(last);
  }

  /** `sync`, at once: for when its effects are needed before anything else can go on. */
  syncNow(): void {
    if (this.#mustRewrite) return;
    try {
      this.#journal.syncNow();
    } catch (error) {
      this.#mustRewrite = true;
      throw error;
    }
    this.#isDurable(this.#journal.last);
  }

  /** Takes all changes so far to the database. @throws what the database throws */
  async flush(): Promise<void> {
    await this.#commit.catch(() => undefined);
    this.#startCommit();
    await this.#commit;
    this.#mustRewrite = false;
  }

  async close(): Promise<void> {
    clearTimeout(this.#timer);
    try {
      await this.flush();
      const { last } = this.#journal;
      await this.#stored.commit(new RowLayer(), this.#meta(last, true));
    } catch (error) {
      // The journal has what the database has no room for.
      throw await reasonOf(error);
    } finally {
      clearTimeout(this.#timer);
      await this.#journal.close();
      await this.#stored.close();
    }
  }

  #isDurable(last: number): void {
    this.#durable = Math.max(this.#durable, last);
    this.onDurable?.(this.#durable);
  }

  #startCommit(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    if (this.#committing !== undefined || this.#newest.isEmpty) return;
    const { last } = this.#journal;
    const layer = this.#newest;
    this.#commit = this.#commitLayer(layer, last);
    // Whoever flushes hears of it; else it is tried again.
    this.#commit.catch(() => undefined);
  }

  async #commitLayer(layer: RowLayer, last: number): Promise<void> {
    this.#journal.rotate();
    this.#committing = layer;
    this.#newest = new RowLayer();
    this.#stored.grow(this.#lastId);
    // As of now: what is counted while this waits is in the journal, and counted again where that is read.
    const meta = this.#meta(last, false);
    try {
      await this.beforeDurable?.();
      await this.#stored.commit(layer, meta);
    } catch (error) {
      this.#newest.underlay(layer);
      this.#committing = undefined;
      this.#timer ??= setTimeout(() => this.#startCommit(), COMMIT_AFTER_MS).unref();
      const reason = await reasonOf(error);
      if (isFull(reason)) this.#makeRoom();
      throw reason;
    }
    this.#stored.refresh();
    this.#committing = undefined;
    this.#journal.cut(last);
    this.#isDurable(last);
    this.#reserve.fill();
  }

  #meta(applied: number, isClosed: boolean): Meta {
    return {
      applied,
      lastId: this.#lastId,
      changed: this.#changed,
      whiteouts: this.#whiteouts,
      isClosed,
    };
  }

  /** Takes rows of a change into memory, and counts. */
  #take(layer: RowLayer): void {
    for (const [id, node] of layer.nodes) {
      const named = node !== null && node.nlink > 0 ? node : null;
      const before = this.#named(id);
      this.#changed += Number(named?.isChanged ?? false) - Number(before?.isChanged ?? false);
      this.#newest.nodes.set(id, named);
      this.#lastId = Math.max(this.#lastId, id);
    }
    for (const [directory, names] of layer.entries) {
      for (const [name, entry] of names) {
        this.#whiteouts += Number(isWhiteout(entry)) - Number(isWhiteout(this.entry(directory, name)));
        this.#newest.putEntry(directory, name, entry);
      }
    }
    for (const [id, content] of layer.contents) this.#newest.putContent(id, content);
    // This layer hides what was read, but not for good.
    this.#stored.hide(layer);
  }

  /** The row of a node, whoever holds it. */
  #named(id: number): OverlayNode | undefined {
    const layered = this.#newest.nodes.get(id);
    const node = layered === undefined ? this.#committing?.nodes.get(id) : layered;
    return node === undefined ? this.#stored.node(id) : (node ?? undefined);
  }

  #older(directory: number, name: string): OverlayEntry | null | undefined {
    if (this.#newest.entry(directory, name) === null) return null;
    return this.#committing?.entry(directory, name);
  }

  *#shown(directory: number, name: string): Generator<[string, OverlayEntry]> {
    const entry = this.entry(directory, name);
    if (entry !== undefined) yield [name, entry];
  }
}

function isFull(error: unknown): boolean {
  return (error as NodeJS.ErrnoException).code === "ENOSPC";
}

function onlyRemoves({ entries }: RowLayer): boolean {
  const changed = [...entries.values()].flatMap((names) => [...names.values()]);
  return changed.length > 0 && changed.every((entry) => entry === null || isWhiteout(entry));
}

function isWhiteout(entry: OverlayEntry | null | undefined): boolean {
  return entry !== null && entry !== undefined && entry.node === undefined;
}
