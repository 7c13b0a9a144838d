import {
  type ByteStream,
  type ObjectFormat,
  type Oid,
  type OperationOptions,
  oidToBytes,
} from "@millrace/pack";
import type { Head, Snapshot } from "@millrace/storage";
import { type PackContext, type PackRequest, createPack } from "./fetch/create-pack.ts";
import { ObjectView } from "./objects/object-view.ts";
import type { PackSet } from "./objects/pack-set.ts";
import type { UploadPackRules } from "./policy/upload-pack-rules.ts";
import type { IsHidden } from "./refs/hidden-refs.ts";
import {
  type ListRefsOptions,
  type ListedBatch,
  type ListedRef,
  type PeelCache,
  eachListedRef,
  listRefBatches,
} from "./refs/list-refs.ts";
import { type DeepenRequest, type ShallowUpdate, deepen, storedRoots } from "./shallow/deepen.ts";
import { areReachable } from "./walk/are-reachable.ts";
import { reachesCommon } from "./walk/reaches-common.ts";

/** What a view is made of. */
export interface ViewParts {
  readonly snapshot: Snapshot;
  readonly packs: PackSet;
  readonly peels: PeelCache;
  /** What the repository offers to those who fetch. */
  readonly policy: UploadPackRules;
  /** Refs that are kept from the client. */
  readonly isHidden: IsHidden | undefined;
  readonly signal: AbortSignal | undefined;
}

/** One view of a repository: what a fetch is served from. Packs are opened with the first object asked for. */
export class RepositoryView implements AsyncDisposable {
  readonly objectFormat: ObjectFormat;
  readonly policy: UploadPackRules;
  readonly #snapshot: Snapshot;
  readonly #packs: PackSet;
  readonly #peels: PeelCache;
  readonly #isHidden: IsHidden | undefined;
  readonly #signal: AbortSignal | undefined;
  #objects: Promise<ObjectView> | undefined;

  constructor({ snapshot, packs, peels, policy, isHidden, signal }: ViewParts) {
    this.objectFormat = snapshot.objectFormat;
    this.policy = policy;
    this.#snapshot = snapshot;
    this.#packs = packs;
    this.#peels = peels;
    this.#isHidden = isHidden;
    this.#signal = signal;
  }

  /** The objects of this view, for reading them one by one. */
  objects(): Promise<ObjectView> {
    this.#objects ??= ObjectView.open(this.#snapshot, this.#packs, { signal: this.#signal });
    return this.#objects;
  }

  /** HEAD first where it resolves, then the rest in byte order. */
  listRefs(options: ListRefsOptions = {}): AsyncIterable<ListedRef> {
    return eachListedRef(this.listRefBatches(options), this.objectFormat, options.peel === true);
  }

  /** The same in batches, as lines where the store has them so: for who tells many. */
  listRefBatches(options: ListRefsOptions = {}): AsyncIterable<ListedBatch> {
    const isHidden = this.#isHidden;
    return listRefBatches(this.#snapshot, () => this.objects(), this.#peels, { ...options, isHidden });
  }

  head(options?: OperationOptions): Promise<Head> {
    return this.#snapshot.head(options);
  }

  /** Which of these objects are stored here, in order. */
  async hasObjects(oids: readonly Oid[]): Promise<readonly boolean[]> {
    return (await this.objects()).hasEach(oids);
  }

  /** Whether every want has an ancestor among these common objects: git's `ok_to_give_up`. */
  async reachesCommon(
    wants: readonly Oid[],
    common: readonly Oid[],
    options: OperationOptions = {},
  ): Promise<boolean> {
    return reachesCommon(await this.objects(), wants, common, options.signal ?? this.#signal);
  }

  /** Which of these objects HEAD or a ref reaches, in order; they may be of any type. */
  async areReachable(oids: readonly Oid[], options: OperationOptions = {}): Promise<readonly boolean[]> {
    const context = { snapshot: this.#snapshot, reader: await this.objects() };
    return areReachable(context, oids, { signal: options.signal ?? this.#signal });
  }

  /** Sizes of objects in bytes, in order; `undefined` for what is not here. No content is read. */
  async objectSizes(
    oids: readonly Oid[],
    options: OperationOptions = {},
  ): Promise<readonly (number | undefined)[]> {
    const objects = await this.objects();
    const isHere = await objects.hasEach(oids);
    const sizes: (number | undefined)[] = [];
    for (const [i, oid] of oids.entries()) {
      options.signal?.throwIfAborted();
      sizes.push(isHere[i] === true ? (await objects.info(oidToBytes(oid)))?.sizeBytes : undefined);
    }
    return sizes;
  }

  /** Commits whose parents this repository does not have. */
  shallowRoots(options?: OperationOptions): Promise<readonly Oid[]> {
    return this.#snapshot.shallow(options);
  }

  /**
   * Which of the shallow roots that a client names are stored here. Throws `REPOSITORY_BAD_REQUEST`, with
   * `clientMessage`, where one is no commit.
   */
  async storedRoots(oids: readonly Oid[]): Promise<readonly Oid[]> {
    return storedRoots(await this.objects(), oids);
  }

  /**
   * Finds where a shallow client's history will end. Throws `REPOSITORY_BAD_REQUEST`, with `clientMessage`, where
   * nothing is selected or a name does not resolve.
   */
  async deepen(request: DeepenRequest): Promise<ShallowUpdate> {
    const signal = request.signal ?? this.#signal;
    return deepen({ snapshot: this.#snapshot, reader: await this.objects() }, { ...request, signal });
  }

  /**
   * The pack of all that the wants reach and the haves do not, header to trailer; its bytes depend only on the request
   * and on what is stored. Throws `REPOSITORY_OBJECT_MISSING`, `REPOSITORY_BAD_REQUEST` before the first byte.
   */
  createPack(request: PackRequest): ByteStream {
    const tags = (): AsyncIterable<ListedRef> => this.listRefs({ prefixes: ["refs/tags/"], peel: true });
    const open = async (): Promise<PackContext> => ({
      snapshot: this.#snapshot,
      view: await this.objects(),
      tags,
    });
    return createPack(open, request);
  }

  /** Tips of the repositories that objects are borrowed from. */
  alternateTips(options?: OperationOptions): AsyncIterable<Oid> {
    return this.#snapshot.alternateTips(options);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const objects = await this.#objects?.catch(() => undefined);
    await objects?.[Symbol.asyncDispose]();
    await this.#snapshot[Symbol.asyncDispose]();
  }
}
