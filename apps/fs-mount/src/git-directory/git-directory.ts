import { readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type ObjectFormat, type Oid, parseCommit } from "@millrace/pack";
import { createPromisor, openStoreCache, SharedPromisor, type StoreCache } from "@millrace/promisor";
import type { PackInfo, RepositoryStore } from "@millrace/storage";
import { openFsRepository } from "@millrace/storage-fs";
import { adoptGitDirectory } from "./adopt.ts";
import { borrowFromNoMount, promisedFolder } from "./alternates.ts";
import { FirstIndex } from "./first-index.ts";
import { encodeIndex, type IndexEntry } from "./index-file.ts";
import { keepSettings } from "./keep-settings.ts";
import { makeGitDirectory } from "./make.ts";
import { MountedTrees } from "./mounted-trees.ts";
import type { GitDirectoryOptions } from "./prepare.ts";
import type { Prepared } from "./schema.ts";
import { fetchUpstream, upstreamRef } from "./upstream.ts";
import { MountError } from "../errors.ts";
import { learnConvertedSizes } from "../filters/index-sizes.ts";
import type { Blobs } from "../hydrator/blobs.ts";
import { SizeBook } from "../hydrator/size-book.ts";
import type { Place } from "../place.ts";
import type { TreeContent } from "../view/view.ts";
import { walkForIndex, type WalkedTree } from "./walk-index.ts";

/** How git is to know the files of a mount again. */
export interface IndexOptions {
  readonly uid: number;
  readonly gid: number;
  readonly signal?: AbortSignal | undefined;
  /** Told sizes as they become known. */
  readonly onSize?: ((oid: Oid, sizeBytes: number) => void) | undefined;
  /** Told the files in the order of the index, before their sizes are asked for, and the tree that they are of. */
  readonly onFiles?: ((oids: readonly Oid[], root: Oid) => void) | undefined;
  /** What the files show. */
  readonly checkout: IndexCheckout;
  /** The token that stands for the mounted files as they were before any change; `undefined` where there is none. */
  readonly beginning?: (() => Promise<string | undefined>) | undefined;
}

/** Files as a checkout writes them. */
export interface IndexCheckout {
  /** What the mounted tree is called. */
  readonly root: Oid;
  /** What another tree is called, by the settings of this moment. */
  rootOf(tree: Oid, signal: AbortSignal | undefined): Promise<Oid>;
  /** As `CheckoutTrees.tree`. */
  tree(id: Oid, read: (oid: Oid) => Promise<Uint8Array>): Promise<TreeContent>;
  readonly blobs: Blobs;
}

/** How deep a history was fetched that is not to be whole. */
const DEPTH_FILE = "millrace.depth";
/** Files of one request for sizes. */
const SIZES_AT_ONCE = 10_000;

/**
 * Opens the git directory of a mount, a partial clone that git works in; it is made where it is missing, else taken as it is, with
 * the server or without. One that was brought is adopted.
 * @throws as `makeGitDirectory`, and as `adoptGitDirectory`
 */
export async function openGitDirectory(options: GitDirectoryOptions): Promise<GitDirectory> {
  if (options.broughtFor === undefined) return await open(options, await makeGitDirectory(options));
  const adopted = await adoptGitDirectory({ ...options, broughtFor: options.broughtFor });
  try {
    return await open(options, adopted.prepared, adopted);
  } catch (error) {
    await adopted[Symbol.asyncDispose]();
    throw error;
  }
}

async function open(
  options: GitDirectoryOptions,
  prepared: Prepared,
  adopted?: AsyncDisposable,
): Promise<GitDirectory> {
  const { path, place, workTree } = options;
  // What a mount that was killed has left: there is nothing before the next one shows.
  await borrowFromNoMount(path);
  if (adopted === undefined) await keepSettings(path, place.gitSettings, options.signal);
  // What is only promised is not here, and is not asked of the mount that asks here for it.
  const ignoreAlternates = workTree === undefined ? [] : [promisedFolder(workTree)];
  const store = await openFsRepository(path, { strict: true, recoverLocks: true, ignoreAlternates });
  const cache = openStoreCache(store);
  try {
    // What is here needs no server: that would be asked for its object format first.
    const source = { ...place.source, objectFormat: () => Promise.resolve(cache.format) };
    const objects = new SharedPromisor(await createPromisor(source), { store: cache });
    const firstIndex = await FirstIndex.hold(path, adopted === undefined);
    return new GitDirectory(options, { store, cache, objects, prepared, firstIndex, adopted });
  } catch (error) {
    await cache[Symbol.asyncDispose]();
    await store[Symbol.asyncDispose]();
    throw error;
  }
}

/** What a git directory is opened with. */
interface Opened {
  readonly store: RepositoryStore;
  readonly cache: StoreCache;
  readonly objects: SharedPromisor;
  readonly prepared: Prepared;
  readonly firstIndex: FirstIndex | undefined;
  /** Gives back what was brought. */
  readonly adopted: AsyncDisposable | undefined;
}

/** The git directory of one mount. */
export class GitDirectory implements AsyncDisposable {
  readonly path: string;
  readonly objects: SharedPromisor;
  readonly prepared: Prepared;
  readonly trees: MountedTrees;
  readonly #store: RepositoryStore;
  readonly #cache: StoreCache;
  readonly #depth: number | undefined;
  readonly #firstIndex: FirstIndex | undefined;
  readonly #adopted: AsyncDisposable | undefined;

  /** @internal Use `openGitDirectory`. */
  constructor(
    { path, depth, treeWaitMs }: GitDirectoryOptions,
    { store, cache, objects, prepared, firstIndex, adopted }: Opened,
  ) {
    this.path = path;
    this.objects = objects;
    this.prepared = prepared;
    this.trees = new MountedTrees({ objects, commit: prepared.commit, patienceMs: treeWaitMs });
    this.#store = store;
    this.#cache = cache;
    this.#depth = depth;
    this.#firstIndex = firstIndex;
    this.#adopted = adopted;
  }

  get format(): ObjectFormat {
    return this.objects.format;
  }

  /** Whether git has an index here, so that it knows what it takes the files for. */
  get hasIndex(): boolean {
    return this.#firstIndex?.isHeld !== true;
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
  async hasAllHistory(): Promise<boolean> {
    const exists = await stat(join(this.path, "shallow")).catch(() => undefined);
    return exists === undefined;
  }

  /** Whether all commits are here that are to be, by the depth that was asked for; what was brought is as deep as it is. */
  async isComplete(): Promise<boolean> {
    if (this.#adopted !== undefined || (await this.hasAllHistory())) return true;
    if (this.#depth === undefined) return false;
    const reached = await readFile(join(this.path, DEPTH_FILE), "utf8").catch(() => "1");
    return Number(reached) >= this.#depth;
  }

  /** Fetches the history in one request, to the depth that was asked for: commits and trees, no files. Throws what the fetch throws. */
  async fetchHistory(options: { readonly signal?: AbortSignal | undefined } = {}): Promise<void> {
    const depth = this.#depth;
    await this.objects.fetchWithFilter([this.prepared.commit], { ...options, filter: "blob:none", depth });
    if (depth !== undefined) await writeFile(join(this.path, DEPTH_FILE), `${depth}\n`);
  }

  /** What of the remote repository this one follows, by its full name; `undefined` where it is a commit that nothing moves. */
  get followed(): string | undefined {
    return this.prepared.ref ?? this.prepared.branch;
  }

  /**
   * Looks where the remote repository has got to, and fetches commits and trees up to there into `refs/millrace/upstream`; nothing
   * else is changed. Answers whether it has moved.
   * @param place the same place, opened for this look: a server that talks to one client for long may tell it old refs (git's
   *   own, over SSH and out of a directory, remembers those that it has read)
   * @throws MountError MOUNT_REF_GONE, MOUNT_GIT_FAILED; what the place throws
   */
  async refresh(place: Place, options: { readonly signal?: AbortSignal | undefined } = {}): Promise<boolean> {
    const ref = this.followed;
    if (ref === undefined) return false;
    let tip: Oid | undefined;
    for await (const found of place.refs.listRefs({ prefixes: [ref], ...options })) {
      if (found.name === ref) tip = found.oid;
    }
    if (tip === undefined) {
      throw new MountError("MOUNT_REF_GONE", `${ref} is gone from ${place.address}`);
    }
    if ((await this.#refAt(upstreamRef(ref))) === tip) return false;
    const asCloned = this.#adopted !== undefined;
    await fetchUpstream(this.path, ref, { ...options, asCloned });
    return true;
  }

  /** Puts the packs together that fetches have left. Answers how many there were and are. Throws as `StoreCache.consolidate`. */
  async consolidate(
    options: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<{ readonly before: number; readonly after: number }> {
    const before = (await this.#packs()).length;
    await this.#cache.consolidate({ ...options, full: true });
    return { before, after: (await this.#packs()).length };
  }

  /**
   * Drops the contents of files that were fetched: they are fetched again when they are needed. What was brought stays all. Throws as
   * `StoreCache.evict`.
   */
  async evict(
    options: { readonly signal?: AbortSignal | undefined } = {},
  ): Promise<{ readonly count: number; readonly bytes: number }> {
    if (this.#adopted !== undefined) return { count: 0, bytes: 0 };
    const bytesOf = async (): Promise<number> =>
      (await this.#packs()).reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    const before = await bytesOf();
    const { droppedCount } = await this.#cache.evict(() => true, options);
    return { count: droppedCount, bytes: Math.max(0, before - (await bytesOf())) };
  }

  /**
   * Writes git's index where there is none, as if the mounted files had been checked out: git takes those of known size for unchanged
   * without looking into them. What the user has staged is never replaced. Answers whether it was written.
   */
  async writeIndex({
    uid,
    gid,
    signal,
    onSize,
    onFiles,
    checkout,
    beginning,
  }: IndexOptions): Promise<boolean> {
    const { mtimeSeconds } = this.prepared;
    // Beside a HEAD that has moved on, where the index was lost, its tree is what is staged.
    const head = this.#firstIndex && (await this.headTree({ signal }));
    const isMoved = head !== undefined && head !== this.prepared.tree;
    const staged = isMoved ? { ...checkout, root: await checkout.rootOf(head, signal) } : checkout;
    const walking = this.#walk(staged, signal);
    if (this.#firstIndex === undefined) {
      // Where the trees are gone and the server is not there, git has what it needs nevertheless.
      await walking.then(({ blobs }) => onFiles?.(blobs, staged.root)).catch(() => undefined);
      return false;
    }
    const { files, root, blobs } = await walking;
    onFiles?.(blobs, staged.root);
    const oids = [...new Set(blobs)];
    const sizes = new SizeBook(Math.max(1, oids.length));
    for (let from = 0; from < oids.length; from += SIZES_AT_ONCE) {
      const told = await this.objects.sizes(oids.slice(from, from + SIZES_AT_ONCE), { signal });
      for (const [oid, sizeBytes] of told) {
        sizes.learn(oid, sizeBytes);
        onSize?.(oid, sizeBytes);
      }
    }
    const contents = files.map(({ content }) => content);
    const known = (oid: Oid): number | undefined => sizes.get(oid);
    const converted = await learnConvertedSizes(contents, known, checkout.blobs, signal);
    const time = { seconds: mtimeSeconds, nanoseconds: 0 };
    const entries = function* (): Generator<IndexEntry, void, undefined> {
      for (const { path, mode, oid, content, ino } of files) {
        const sizeBytes = content === oid ? sizes.get(oid) : converted.get(content);
        const stat =
          sizeBytes === undefined ? undefined : { ctime: time, mtime: time, ino, sizeBytes, uid, gid };
        yield { path, mode, oid, stat };
      }
    };
    const fsmonitorToken = isMoved ? undefined : await beginning?.();
    await this.putIndex(encodeIndex(files.length, entries(), { trees: root, fsmonitorToken }, this.format));
    return true;
  }

  /** Writes git's index where there is none. Answers whether it did. */
  async putIndex(content: Iterable<Uint8Array>): Promise<boolean> {
    await this.#firstIndex?.write(content);
    return this.#firstIndex !== undefined;
  }

  async #walk(
    { root, tree }: IndexCheckout,
    signal: AbortSignal | undefined,
  ): Promise<WalkedTree & { readonly blobs: readonly Oid[] }> {
    const reach = async (oid: Oid): Promise<Uint8Array> => await this.trees.reach(oid, signal);
    const walked = await walkForIndex(root, this.format, async (id) => await tree(id, reach));
    const blobs = walked.files.filter(({ mode }) => mode !== 0o160000).map(({ oid }) => oid);
    return { ...walked, blobs };
  }

  async #packs(): Promise<readonly PackInfo[]> {
    await using view = await this.#store.snapshot();
    return await view.packs({ reload: true });
  }

  async #refAt(name: string): Promise<Oid | undefined> {
    await using view = await this.#store.snapshot();
    return (await view.ref(name))?.oid;
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.trees.close();
    await this.#firstIndex?.release();
    await this.#cache[Symbol.asyncDispose]();
    await this.#store[Symbol.asyncDispose]();
    await this.#adopted?.[Symbol.asyncDispose]();
  }
}
