import { mkdirSync } from "node:fs";
import { join } from "node:path";
import { open as openDatabase, type RootDatabase } from "lmdb";
import { createDeafness, reasonOf } from "./commit-fault.ts";
import { Journal, readJournal } from "./journal.ts";
import { decodeChange, decodeMeta, encodeChange, encodeMeta } from "./change-codec.ts";
import type { OverlayEntry, OverlayNode } from "./row.ts";
import {
  contentKey,
  damaged,
  decodeEntry,
  decodeNode,
  encodeEntry,
  encodeNode,
  entryKey,
  META_KEY,
  nodeKey,
  parseKey,
} from "./row-codec.ts";
import { RecentRows } from "./recent-rows.ts";
import { Reserve } from "./reserve.ts";
import { RowChange, RowLayer, type Rows } from "./row-layer.ts";

/** The journal's length at which its changes go to the database. */
const COMMIT_AT_BYTES = 4 << 20;
/** And how long they wait at most, in milliseconds. */
const COMMIT_AFTER_MS = 5000;
/** Rows of a directory that are read at once. */
const ROWS_AT_ONCE = 1024;

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
  readonly #database: RootDatabase<Buffer, Buffer>;
  readonly #journal: Journal;
  readonly #reserve: Reserve;
  /** Nodes without a name, which somebody holds: they are nowhere else, so that nothing of them is left after a crash. */
  readonly #nameless = new Map<number, OverlayNode>();
  /** Of the database: a node is looked at several times for each thing that is asked of it. */
  readonly #recent = new RecentRows();
  #newest = new RowLayer();
  #committing: RowLayer | undefined;
  #commit: Promise<void> = Promise.resolve();
  #timer: NodeJS.Timeout | undefined;
  #mustRewrite = false;
  #durable: number;
  #lastId: number;
  /** No node above this is in the database, nor anything of one: it need not be asked. */
  #lastStoredId: number;
  /** What the database said of a name that was asked for last: most operations ask several times. */
  #lastEntry: { directory: number; name: string; entry: OverlayEntry | undefined } | undefined;
  #changed: number;
  #whiteouts: number;

  /** Opens the rows of a folder, which is made. @throws MountError MOUNT_OVERLAY_DAMAGED, errors of `node:fs` */
  constructor(folder: string) {
    mkdirSync(folder, { recursive: true, mode: 0o700 });
    this.#database = openRows(join(folder, "rows.mdb"));
    const meta = decodeMeta(this.#database.getBinary(Buffer.from(META_KEY)));
    this.#lastId = meta.lastId;
    this.#lastStoredId = meta.lastId;
    this.#changed = meta.changed;
    this.#whiteouts = meta.whiteouts;
    const { payloads, last, lostBytes } = readJournal(folder, meta.applied);
    for (const payload of payloads) this.#take(decodeChange(payload));
    this.wasInterrupted = !meta.isClosed;
    this.lostBytes = lostBytes;
    this.#database.transactionSync(() => this.#put(this.#newest, last, false));
    this.#newest = new RowLayer();
    this.#lastStoredId = this.#lastId;
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
    if (entry !== undefined) return entry ?? undefined;
    return directory > this.#lastStoredId ? undefined : this.#storedEntry(directory, name);
  }

  content(id: number): Uint8Array | undefined {
    const layered = this.#newest.contents.get(id);
    const content = layered === undefined ? this.#committing?.contents.get(id) : layered;
    if (content !== undefined) return content ?? undefined;
    return id > this.#lastStoredId ? undefined : this.#database.getBinary(contentKey(id));
  }

  /** What is said of names of one directory, in the order of their bytes. Changes while it goes on may show or not. @param after only names behind this one */
  *entries(directory: number, after = ""): Generator<[name: string, entry: OverlayEntry]> {
    const inMemory = new Set([
      ...(this.#committing?.entries.get(directory)?.keys() ?? []),
      ...(this.#newest.entries.get(directory)?.keys() ?? []),
    ]);
    const names = [...inMemory].filter((name) => name > after).sort();
    let next = 0;
    for (const [name, stored] of this.#storedEntries(directory, after)) {
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
    for (const { key, value } of this.#database.getRange({ start: nodeKey(0), end: contentKey(0) })) {
      const parsed = parseKey(key);
      if ("id" in parsed && !seen.has(parsed.id)) yield decodeNode(parsed.id, value);
    }
  }

  /** Removes the contents of all nodes but these. */
  sweepContents(kept: ReadonlySet<number>): void {
    const swept: Buffer[] = [];
    for (const key of this.#database.getKeys({ start: contentKey(0) })) {
      const parsed = parseKey(key);
      if ("contentOf" in parsed && !kept.has(parsed.contentOf)) swept.push(Buffer.from(key));
    }
    this.#database.transactionSync(() => {
      for (const key of swept) void this.#database.remove(key);
    });
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
      await this.#database.batch(() => this.#put(new RowLayer(), last, true));
    } catch (error) {
      // The journal has what the database has no room for.
      throw await reasonOf(error);
    } finally {
      clearTimeout(this.#timer);
      await this.#journal.close();
      await this.#database.close();
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
    this.#lastStoredId = this.#lastId;
    try {
      await this.beforeDurable?.();
      await this.#database.batch(() => this.#put(layer, last, false));
    } catch (error) {
      this.#newest.underlay(layer);
      this.#committing = undefined;
      this.#timer ??= setTimeout(() => this.#startCommit(), COMMIT_AFTER_MS).unref();
      const reason = await reasonOf(error);
      if (isFull(reason)) this.#makeRoom();
      throw reason;
    }
    this.#database.resetReadTxn();
    this.#committing = undefined;
    this.#journal.cut(last);
    this.#isDurable(last);
    this.#reserve.fill();
  }

  #put(layer: RowLayer, applied: number, isClosed: boolean): void {
    const database = this.#database;
    const ignore = createDeafness();
    const put = (key: Buffer, value: Uint8Array | null): void =>
      ignore(value === null ? database.remove(key) : database.put(key, value as Buffer));
    for (const [id, node] of layer.nodes) put(nodeKey(id), node === null ? null : encodeNode(node));
    for (const [directory, names] of layer.entries)
      for (const [name, entry] of names)
        put(entryKey(directory, name), entry === null ? null : encodeEntry(entry));
    for (const [id, content] of layer.contents) put(contentKey(id), content);
    const meta = {
      applied,
      lastId: this.#lastId,
      changed: this.#changed,
      whiteouts: this.#whiteouts,
      isClosed,
    };
    put(Buffer.from(META_KEY), encodeMeta(meta));
  }

  /** Takes rows of a change into memory, and counts. */
  #take(layer: RowLayer): void {
    for (const [id, node] of layer.nodes) {
      const named = node !== null && node.nlink > 0 ? node : null;
      const before = this.#named(id);
      this.#changed += Number(named?.isChanged ?? false) - Number(before?.isChanged ?? false);
      this.#newest.nodes.set(id, named);
      // It is not looked for in the database before that has this one.
      this.#recent.delete(id);
      this.#lastId = Math.max(this.#lastId, id);
    }
    for (const [directory, names] of layer.entries) {
      for (const [name, entry] of names) {
        this.#whiteouts += Number(isWhiteout(entry)) - Number(isWhiteout(this.entry(directory, name)));
        this.#newest.putEntry(directory, name, entry);
      }
    }
    for (const [id, content] of layer.contents) this.#newest.putContent(id, content);
    // This layer hides what it says, but not for good.
    this.#lastEntry = undefined;
  }

  /** The row of a node, whoever holds it. */
  #named(id: number): OverlayNode | undefined {
    const layered = this.#newest.nodes.get(id);
    const node = layered === undefined ? this.#committing?.nodes.get(id) : layered;
    if (node !== undefined) return node ?? undefined;
    if (id > this.#lastStoredId) return undefined;
    const recent = this.#recent.get(id);
    if (recent !== undefined) return recent;
    const value = this.#database.getBinary(nodeKey(id));
    if (value === undefined) return undefined;
    const stored = decodeNode(id, value);
    this.#recent.put(stored);
    return stored;
  }

  #storedEntry(directory: number, name: string): OverlayEntry | undefined {
    const last = this.#lastEntry;
    if (last?.directory === directory && last.name === name) return last.entry;
    const value = this.#database.getBinary(entryKey(directory, name));
    const entry = value === undefined ? undefined : decodeEntry(value);
    this.#lastEntry = { directory, name, entry };
    return entry;
  }

  #older(directory: number, name: string): OverlayEntry | null | undefined {
    if (this.#newest.entry(directory, name) === null) return null;
    return this.#committing?.entry(directory, name);
  }

  *#shown(directory: number, name: string): Generator<[string, OverlayEntry]> {
    const entry = this.entry(directory, name);
    if (entry !== undefined) yield [name, entry];
  }

  *#storedEntries(directory: number, after: string): Generator<[string, OverlayEntry]> {
    if (directory > this.#lastStoredId) return;
    const end = entryKey(directory + 1, "");
    let start = entryKey(directory, `${after}\0`);
    for (;;) {
      const rows = [...this.#database.getRange({ start, end, limit: ROWS_AT_ONCE })];
      for (const { key, value } of rows) {
        const parsed = parseKey(key);
        if (!("directory" in parsed)) throw damaged("a key");
        yield [parsed.name, decodeEntry(value)];
      }
      const last = rows.at(-1);
      if (last === undefined || rows.length < ROWS_AT_ONCE) return;
      start = Buffer.concat([last.key, Buffer.of(0)]);
    }
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

function openRows(path: string): RootDatabase<Buffer, Buffer> {
  try {
    return openDatabase<Buffer, Buffer>({
      path,
      noSubdir: true,
      encoding: "binary",
      keyEncoding: "binary",
      // A commit has been synced when it is told of.
      overlappingSync: false,
      // Changes come in batches of ours; what LMDB batches by itself fails where nobody hears of it, which ends the thread.
      eventTurnBatching: false,
    });
  } catch (cause) {
    throw damaged("its database cannot be opened", cause);
  }
}
