import type { ObjectFormat, Oid, OperationOptions } from "@millrace/pack";
import type { Head, Snapshot } from "@millrace/storage";
import { type PackRequest, createPack } from "./fetch/create-pack.ts";
import { ObjectView } from "./objects/object-view.ts";
import type { PackSet } from "./objects/pack-set.ts";
import { type ListRefsOptions, type ListedRef, type PeelCache, listRefs } from "./refs/list-refs.ts";
import { reachesCommon } from "./walk/reaches-common.ts";

/** One view of a repository: what a fetch is served from. Packs are opened with the first object asked for. */
export class RepositoryView implements AsyncDisposable {
  readonly objectFormat: ObjectFormat;
  readonly #snapshot: Snapshot;
  readonly #packs: PackSet;
  readonly #peels: PeelCache;
  readonly #signal: AbortSignal | undefined;
  #objects: Promise<ObjectView> | undefined;

  constructor(snapshot: Snapshot, packs: PackSet, peels: PeelCache, signal: AbortSignal | undefined) {
    this.objectFormat = snapshot.objectFormat;
    this.#snapshot = snapshot;
    this.#packs = packs;
    this.#peels = peels;
    this.#signal = signal;
  }

  /** The objects of this view, for reading them one by one. */
  objects(): Promise<ObjectView> {
    this.#objects ??= ObjectView.open(this.#snapshot, this.#packs, { signal: this.#signal });
    return this.#objects;
  }

  /** HEAD first where it resolves, then the rest in byte order. */
  listRefs(options?: ListRefsOptions): AsyncIterable<ListedRef> {
    return listRefs(this.#snapshot, () => this.objects(), this.#peels, options);
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

  /**
   * The pack of all that the wants reach and the haves do not, header to trailer; its bytes depend only on the request
   * and on what is stored. Throws `REPOSITORY_OBJECT_MISSING` before the first byte.
   */
  async *createPack(request: PackRequest): AsyncGenerator<Uint8Array> {
    const tags = (): AsyncIterable<ListedRef> => this.listRefs({ prefixes: ["refs/tags/"], peel: true });
    yield* createPack(await this.objects(), tags, request);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    const objects = await this.#objects?.catch(() => undefined);
    await objects?.[Symbol.asyncDispose]();
    await this.#snapshot[Symbol.asyncDispose]();
  }
}
