import {
  type BlockCache,
  type ByteCache,
  type OperationOptions,
  type PackReader,
  type PackedObject,
  openPackIndex,
  openPackReader,
} from "@millrace/pack";
import { type PackHandle, type RepositoryStore, type Snapshot, StorageError } from "@millrace/storage";

/** Memory that all open repositories of a process share. */
export interface ObjectCaches {
  /** Inflated delta bases. */
  readonly bases: ByteCache<number, PackedObject>;
  /** Blocks of pack files as stored. */
  readonly blocks: BlockCache;
}

/** A pack with its index in memory, shared by every view that uses it. */
export interface OpenPack {
  readonly id: string;
  readonly sizeBytes: number;
  readonly reader: PackReader;
}

interface Entry {
  readonly pack: OpenPack;
  readonly handle: PackHandle;
  users: number;
  /** Whether the newest listing named it; a pack that is gone closes with its last user. */
  listed: boolean;
}

const LISTING_TRIES = 3;

/** The open packs of one repository: each is opened once, however many views read from it. */
export class PackSet implements AsyncDisposable {
  readonly #store: RepositoryStore;
  readonly #caches: ObjectCaches;
  readonly #entries = new Map<string, Promise<Entry>>();

  constructor(store: RepositoryStore, caches: ObjectCaches) {
    this.#store = store;
    this.#caches = caches;
  }

  /**
   * Opens all packs of a snapshot, newest first; give them back with `release`.
   * A pack that vanishes between listing and opening (git repacks behind our back) makes it list again.
   */
  async acquire(
    snapshot: Snapshot,
    options: OperationOptions & { readonly reload?: boolean } = {},
  ): Promise<readonly OpenPack[]> {
    for (let attempt = 1; ; attempt++) {
      const reload = attempt > 1 || options.reload === true;
      const listed = await snapshot.packs({ signal: options.signal, reload });
      const held: OpenPack[] = [];
      try {
        for (const { id } of listed) held.push(await this.#hold(snapshot, id, options));
        await this.#forgetUnlisted(new Set(listed.map(({ id }) => id)));
        return held;
      } catch (error) {
        await this.release(held);
        const vanished = error instanceof StorageError && error.code === "STORAGE_NOT_FOUND";
        if (!vanished || attempt === LISTING_TRIES) throw error;
      }
    }
  }

  async release(packs: readonly OpenPack[]): Promise<void> {
    for (const { id } of packs) {
      const entry = await this.#entries.get(id);
      if (entry === undefined) continue;
      entry.users--;
      await this.#closeIfIdle(entry);
    }
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#forgetUnlisted(new Set());
  }

  async #hold(snapshot: Snapshot, id: string, options: OperationOptions): Promise<OpenPack> {
    let pending = this.#entries.get(id);
    if (pending === undefined) {
      pending = this.#open(snapshot, id, options);
      this.#entries.set(id, pending);
      pending.catch(() => this.#entries.delete(id));
    }
    const entry = await pending;
    entry.users++;
    entry.listed = true;
    return entry.pack;
  }

  async #open(snapshot: Snapshot, id: string, options: OperationOptions): Promise<Entry> {
    const handle = await snapshot.openPack(id, options);
    try {
      const idx = await handle.sidecar("idx", options);
      if (idx === undefined) {
        throw new StorageError("STORAGE_NOT_FOUND", `pack ${id} has no index`, { key: id });
      }
      const index = openPackIndex(idx, this.#store.objectFormat);
      const reader = openPackReader({ source: handle, index, ...this.#caches });
      const pack = { id, sizeBytes: handle.sizeBytes, reader };
      return { pack, handle, users: 0, listed: true };
    } catch (error) {
      await handle[Symbol.asyncDispose]();
      throw error;
    }
  }

  async #forgetUnlisted(listed: ReadonlySet<string>): Promise<void> {
    for (const [id, pending] of this.#entries) {
      if (listed.has(id)) continue;
      const entry = await pending.catch(() => undefined);
      if (entry === undefined) continue;
      entry.listed = false;
      await this.#closeIfIdle(entry);
    }
  }

  async #closeIfIdle(entry: Entry): Promise<void> {
    if (entry.listed || entry.users > 0) return;
    if (!this.#entries.delete(entry.pack.id)) return;
    entry.pack.reader.release();
    await entry.handle[Symbol.asyncDispose]();
  }
}
