import { rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type ObjectFormat, type Oid, parseCommit } from "@millrace/pack";
import { createPromisor, openStoreCache, SharedPromisor, type StoreCache } from "@millrace/promisor";
import type { RepositoryStore } from "@millrace/storage";
import { createFsRepository, openFsRepository } from "@millrace/storage-fs";
import { encodeIndex } from "./index-file.ts";
import { configFor, findBranch, type GitDirectoryOptions, prepare, readPrepared } from "./prepare.ts";
import type { Prepared } from "./schema.ts";
import { walkForIndex, type WalkedTree } from "./walk-index.ts";

/** How git is to know the files of a mount again. */
export interface IndexOptions {
  readonly uid: number;
  readonly gid: number;
  readonly signal?: AbortSignal | undefined;
  /** Told sizes as they become known. */
  readonly onSize?: ((oid: Oid, sizeBytes: number) => void) | undefined;
  /** Told the files in the order of the index, before their sizes are asked for. */
  readonly onFiles?: ((oids: readonly Oid[]) => void) | undefined;
}

/** Files of one request for sizes. */
const SIZES_AT_ONCE = 10_000;

/**
 * Opens the git directory of a mount, a partial clone that git works in: what was prepared once is taken as it is, with the server
 * or without; else the commit that the name leads to is fetched with its trees, and HEAD and the refs are written.
 * @throws what the place throws, PROMISOR_UNKNOWN_NAME; MountError MOUNT_BAD_STATE where something else lies there
 */
export async function openGitDirectory(options: GitDirectoryOptions): Promise<GitDirectory> {
  const { path, place } = options;
  const prepared = await readPrepared(path);
  if (prepared === undefined) await rm(path, { recursive: true, force: true });
  const found = prepared === undefined ? await findBranch(options) : undefined;
  const store =
    prepared === undefined
      ? await createFsRepository(path, {
          objectFormat: await place.source.objectFormat({ signal: options.signal }),
          head: found?.branch ?? "refs/heads/main",
          config: configFor(options, found?.branch),
        })
      : await openFsRepository(path, { strict: true });
  const cache = openStoreCache(store);
  try {
    const objects = new SharedPromisor(await createPromisor(place.source), { store: cache });
    const shown = prepared ?? (await prepare(options, store, objects, found));
    return new GitDirectory(options, store, cache, objects, shown);
  } catch (error) {
    await cache[Symbol.asyncDispose]();
    await store[Symbol.asyncDispose]();
    throw error;
  }
}

/** The git directory of one mount. */
export class GitDirectory implements AsyncDisposable {
  readonly path: string;
  readonly objects: SharedPromisor;
  readonly prepared: Prepared;
  readonly #store: RepositoryStore;
  readonly #cache: StoreCache;

  /** @internal Use `openGitDirectory`. */
  constructor(
    { path }: GitDirectoryOptions,
    store: RepositoryStore,
    cache: StoreCache,
    objects: SharedPromisor,
    prepared: Prepared,
  ) {
    this.path = path;
    this.objects = objects;
    this.prepared = prepared;
    this.#store = store;
    this.#cache = cache;
  }

  get format(): ObjectFormat {
    return this.objects.format;
  }

  /** The tree that `HEAD` leads to now; `undefined` where it leads to no commit. Throws what reading throws. */
  async headTree(options: { readonly signal?: AbortSignal | undefined } = {}): Promise<Oid | undefined> {
    await using snapshot = await this.#store.snapshot();
    const { oid } = await snapshot.head(options);
    if (oid === undefined) return undefined;
    const { content } = await this.objects.resolve(oid, options);
    return parseCommit(content, this.format).tree;
  }

  /** Whether all commits behind the mounted one are here. */
  async isComplete(): Promise<boolean> {
    const exists = await stat(join(this.path, "shallow")).catch(() => undefined);
    return exists === undefined;
  }

  /** Fetches the history in one request: commits and trees, no files. Throws what the fetch throws. */
  async fetchHistory(options: { readonly signal?: AbortSignal | undefined } = {}): Promise<void> {
    await this.objects.fetchWithFilter([this.prepared.commit], { ...options, filter: "blob:none" });
  }

  /**
   * Writes git's index where there is none, as if the mounted files had been checked out: git takes those of known size for unchanged
   * without looking into them. What the user has staged is never replaced. Answers whether it was written.
   */
  async writeIndex({ uid, gid, signal, onSize, onFiles }: IndexOptions): Promise<boolean> {
    const { mtimeSeconds } = this.prepared;
    const file = join(this.path, "index");
    const exists = (await stat(file).catch(() => undefined)) !== undefined;
    const walking = this.#walk(signal);
    if (exists) {
      // Where the trees are gone and the server is not there, git has what it needs nevertheless.
      await walking.then(({ blobs }) => onFiles?.(blobs)).catch(() => undefined);
      return false;
    }
    const { files, root, blobs } = await walking;
    onFiles?.(blobs);
    const oids = [...new Set(blobs)];
    const sizes = new Map<Oid, number>();
    for (let from = 0; from < oids.length; from += SIZES_AT_ONCE) {
      const told = await this.objects.sizes(oids.slice(from, from + SIZES_AT_ONCE), { signal });
      for (const [oid, sizeBytes] of told) {
        sizes.set(oid, sizeBytes);
        onSize?.(oid, sizeBytes);
      }
    }
    const time = { seconds: mtimeSeconds, nanoseconds: 0 };
    const entries = files.map(({ path, mode, oid, ino }) => {
      const sizeBytes = sizes.get(oid);
      const known =
        sizeBytes === undefined ? undefined : { ctime: time, mtime: time, ino, sizeBytes, uid, gid };
      return { path, mode, oid, stat: known };
    });
    await writeIndexFile(this.path, encodeIndex(entries, root, this.format));
    return true;
  }

  async #walk(signal: AbortSignal | undefined): Promise<WalkedTree & { readonly blobs: readonly Oid[] }> {
    const walked = await walkForIndex(this.prepared.tree, this.format, async (oid) => {
      return (await this.objects.resolve(oid, { signal })).content;
    });
    const blobs = walked.files.filter(({ mode }) => mode !== 0o160000).map(({ oid }) => oid);
    return { ...walked, blobs };
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#cache[Symbol.asyncDispose]();
    await this.#store[Symbol.asyncDispose]();
  }
}

/** Puts an index into a git directory, under git's lock. Throws EEXIST where git holds it. */
export async function writeIndexFile(gitDirectory: string, content: Uint8Array): Promise<void> {
  const file = join(gitDirectory, "index");
  await writeFile(`${file}.lock`, content, { flag: "wx" });
  await rename(`${file}.lock`, file);
}
