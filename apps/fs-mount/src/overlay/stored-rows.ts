import { open as openDatabase, type RootDatabase } from "lmdb";
import { decodeMeta, encodeMeta, type Meta } from "./change-codec.ts";
import { createDeafness } from "./commit-fault.ts";
import { RecentRows } from "./recent-rows.ts";
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
import type { RowLayer, Rows } from "./row-layer.ts";

/** Rows of a directory that are read at once. */
const ROWS_AT_ONCE = 1024;

/** Rows in their database, as its last commit left them. */
export class StoredRows implements Rows {
  /** What the last opening found. */
  readonly meta: Meta;
  readonly #database: RootDatabase<Buffer, Buffer>;
  /** A node is looked at several times for each thing that is asked of it. */
  readonly #recent = new RecentRows();
  /** No node above this is in the database, nor anything of one: it need not be asked. */
  #lastId: number;
  /** What was said of a name that was asked for last: most operations ask several times. */
  #lastEntry: { directory: number; name: string; entry: OverlayEntry | undefined } | undefined;

  /** Opens a database, which is made. @throws MountError MOUNT_OVERLAY_DAMAGED */
  constructor(path: string) {
    this.#database = openRows(path);
    this.meta = decodeMeta(this.#database.getBinary(Buffer.from(META_KEY)));
    this.#lastId = this.meta.lastId;
  }

  node(id: number): OverlayNode | undefined {
    if (id > this.#lastId) return undefined;
    const recent = this.#recent.get(id);
    if (recent !== undefined) return recent;
    const value = this.#database.getBinary(nodeKey(id));
    if (value === undefined) return undefined;
    const stored = decodeNode(id, value);
    this.#recent.put(stored);
    return stored;
  }

  entry(directory: number, name: string): OverlayEntry | undefined {
    if (directory > this.#lastId) return undefined;
    const last = this.#lastEntry;
    if (last?.directory === directory && last.name === name) return last.entry;
    const value = this.#database.getBinary(entryKey(directory, name));
    const entry = value === undefined ? undefined : decodeEntry(value);
    this.#lastEntry = { directory, name, entry };
    return entry;
  }

  content(id: number): Uint8Array | undefined {
    return id > this.#lastId ? undefined : this.#database.getBinary(contentKey(id));
  }

  /** What is said of names of one directory, in the order of their bytes. @param after only names behind this one */
  *entries(directory: number, after: string): Generator<[name: string, entry: OverlayEntry]> {
    if (directory > this.#lastId) return;
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

  /** All nodes but those that somebody else tells of. */
  *nodes(told: ReadonlySet<number>): Generator<OverlayNode> {
    for (const { key, value } of this.#database.getRange({ start: nodeKey(0), end: contentKey(0) })) {
      const parsed = parseKey(key);
      if ("id" in parsed && !told.has(parsed.id)) yield decodeNode(parsed.id, value);
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

  /** Forgets what it has read of rows that a layer hides from now on. */
  hide(layer: RowLayer): void {
    for (const id of layer.nodes.keys()) this.#recent.delete(id);
    this.#lastEntry = undefined;
  }

  /** Has nodes up to this one from now on. */
  grow(lastId: number): void {
    this.#lastId = lastId;
  }

  /** Takes in a layer, in one durable commit. @throws what LMDB throws */
  async commit(layer: RowLayer, meta: Meta): Promise<void> {
    await this.#database.batch(() => this.#put(layer, meta));
  }

  /** `commit`, at once. */
  commitNow(layer: RowLayer, meta: Meta): void {
    this.#database.transactionSync(() => this.#put(layer, meta));
  }

  /** Reads what the last commit has written, from now on. */
  refresh(): void {
    this.#database.resetReadTxn();
  }

  async close(): Promise<void> {
    await this.#database.close();
  }

  #put(layer: RowLayer, meta: Meta): void {
    const database = this.#database;
    const ignore = createDeafness();
    const put = (key: Buffer, value: Uint8Array | null): void =>
      ignore(value === null ? database.remove(key) : database.put(key, value as Buffer));
    for (const [id, node] of layer.nodes) put(nodeKey(id), node === null ? null : encodeNode(node));
    for (const [directory, names] of layer.entries)
      for (const [name, entry] of names)
        put(entryKey(directory, name), entry === null ? null : encodeEntry(entry));
    for (const [id, content] of layer.contents) put(contentKey(id), content);
    put(Buffer.from(META_KEY), encodeMeta(meta));
  }
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
