import { randomUUID } from "node:crypto";
import type { Oid, OperationOptions } from "@millrace/pack";
import {
  checkRefName,
  createConfig,
  eachRef,
  type Head,
  isRefLines,
  parseConfig,
  parseLooseRef,
  parseShallow,
  type PackHandle,
  type RawRef,
  type Ref,
  type RefBatch,
  type RefQuery,
  refRanges,
  type Snapshot,
  StorageError,
  SYMREF_DEPTH,
} from "@millrace/storage";
import type { ListedKey } from "../bucket/bucket.ts";
import type { StoredFile } from "../manifest/schema.ts";
import { spans } from "../s3-snapshot.ts";
import { type BarePlace, type BareRepository, notFound } from "./bare-repository.ts";
import { isClaim } from "./claim.ts";
import { type ListedPack, listObjects, type ObjectListing } from "./list-objects.ts";
import { listRefs, type RefListing } from "./list-refs.ts";
import { openLooseFile } from "./loose-object.ts";
import { parseRefFile } from "./tombstone.ts";

export interface BareViewOptions {
  readonly place: BarePlace;
  readonly repository: BareRepository;
  /** What `HEAD` says; the repository is not there where it is absent. */
  readonly head: string | undefined;
  /** The text of `config`. */
  readonly config: string | undefined;
  /** All refs, where they were listed already. */
  readonly listing?: RefListing | undefined;
}

const ALL = "refs/";
const BATCH = 1024;
/** Prefixes that are listed each by itself; where more are asked for, all refs are. */
const MAX_RANGES = 16;
/** What nearly everybody asks for who has asked for HEAD. */
const USUAL = ["refs/heads/", "refs/tags/"];

/**
 * A view of a repository. It is no instant: each part is read when it is first asked for, objects never before the refs
 * that name them. Throws `STORAGE_NOT_FOUND`.
 */
export function createBareSnapshot({ place, repository, head, config, listing }: BareViewOptions): Snapshot {
  const { files, texts, top } = place;
  const { base, name: repositoryName, objectFormat } = repository;
  if (head === undefined || isClaim(head)) throw notFound(repositoryName);
  const listings = new Map<string, Promise<RefListing>>();
  const singles = new Map<string, Promise<RawRef | undefined>>();
  let objects: Promise<ObjectListing> | undefined;
  if (listing !== undefined) listings.set(ALL, Promise.resolve(listing));

  /** Remembers what is being read unless it fails; objects are looked for again behind its start and its end. */
  const keep = <T>(
    into: Map<string, Promise<T>>,
    keys: readonly string[],
    reading: Promise<T>,
  ): Promise<T> => {
    objects = undefined;
    for (const key of keys) into.set(key, reading);
    reading.then(
      () => {
        objects = undefined;
      },
      () => {
        for (const key of keys) if (into.get(key) === reading) into.delete(key);
      },
    );
    return reading;
  };

  const covering = (range: string): Promise<RefListing> | undefined => {
    for (const [listed, reading] of listings) if (range.startsWith(listed)) return reading;
    return undefined;
  };

  const listEach = (
    ranges: readonly string[],
    { signal }: OperationOptions,
  ): Promise<readonly RefListing[]> => {
    const missing = ranges.filter((range) => covering(range) === undefined);
    if (missing.length > 0) {
      const wanted = missing.length > MAX_RANGES ? [ALL] : missing;
      void keep(listings, wanted, listRefs(place, repository, wanted, { signal, isLoading: true }));
    }
    return Promise.all(ranges.map((range) => covering(range) as Promise<RefListing>));
  };

  /** What is stored for one name. */
  const rawOf = async (name: string, options: OperationOptions): Promise<RawRef | undefined> => {
    const single = singles.get(name);
    if (single !== undefined) return single;
    const listed = await covering(name);
    if (listed !== undefined) {
      await listed.load([name], options);
      return listed.raw(name);
    }
    const read = async (): Promise<RawRef | undefined> => {
      const file = await texts.look(base + name, options);
      if (file !== undefined) return parseRefFile(file.value, objectFormat);
      const line = (await repository.packed.look(`${base}packed-refs`, options))?.value.find(name);
      return line === undefined ? undefined : { oid: line.oid };
    };
    return keep(singles, [name], read());
  };

  /** Follows symbolic refs: the last name, and the id it has; `undefined` where they turn in a circle. */
  const follow = async (
    name: string,
    raw: RawRef | undefined,
    options: OperationOptions,
  ): Promise<{ readonly target: string; readonly oid: Oid | undefined } | undefined> => {
    let target = name;
    let found = raw;
    for (let depth = 0; depth <= SYMREF_DEPTH; depth++) {
      if (found === undefined || found === "broken") return { target, oid: undefined };
      if (found.symref === undefined) return { target, oid: found.oid };
      target = found.symref;
      found = await rawOf(target, options);
    }
    return undefined;
  };

  const resolve = async (
    name: string,
    raw: RawRef | undefined,
    options: OperationOptions,
  ): Promise<Ref | undefined> => {
    const end = await follow(name, raw, options);
    if (end?.oid === undefined) return undefined;
    return end.target === name ? { name, oid: end.oid } : { name, oid: end.oid, symref: end.target };
  };

  async function* batches(query: RefQuery): AsyncGenerator<RefBatch> {
    query.signal?.throwIfAborted();
    const ranges = refRanges(query.prefixes);
    const listed = await listEach(ranges, query);
    let refs: Ref[] = [];
    for (const [i, range] of ranges.entries()) {
      for await (const next of merge(listed[i] as RefListing, range, query)) {
        const lines = "name" in next || !isRefLines(next) ? undefined : next;
        if ("name" in next) refs.push(next);
        else if (lines === undefined) refs.push(...(next as readonly Ref[]));
        if (lines === undefined && refs.length < BATCH) continue;
        if (refs.length > 0) yield refs;
        refs = [];
        if (lines !== undefined) yield lines;
        query.signal?.throwIfAborted();
      }
    }
    if (refs.length > 0) yield refs;
  }

  /** Files and lines in byte order; where both have a name the file counts. */
  async function* merge(
    { names, packed, raw, etagOf, tombstoneOf, load }: RefListing,
    range: string,
    query: RefQuery,
  ): AsyncGenerator<Ref | RefBatch> {
    const own = names.filter((name) => name.startsWith(range));
    await load(own, query);
    const walk = packed?.value.under(range);
    for (const name of own) {
      const isDeleted = tombstoneOf(name) !== undefined;
      if (!isDeleted && etagOf(name) === undefined) continue;
      if (walk !== undefined) yield* walk.upTo(name);
      if (isDeleted) continue;
      const stored = raw(name);
      const isPlain = stored !== undefined && stored !== "broken" && stored.symref === undefined;
      const ref = isPlain ? { name, oid: stored.oid } : await resolve(name, stored, query);
      if (ref !== undefined) yield ref;
    }
    if (walk !== undefined) yield* walk.upTo();
  }

  const readHead = async (options: OperationOptions): Promise<Head> => {
    const raw = parseLooseRef(head, objectFormat);
    if (raw === "broken") {
      throw new StorageError("STORAGE_CORRUPT", `${base}HEAD makes no sense`, { key: `${base}HEAD` });
    }
    const following = follow("HEAD", raw, options);
    listEach(USUAL, {}).catch(() => undefined);
    const end = await following;
    if (end === undefined) return {};
    return end.target === "HEAD" ? { oid: end.oid } : { symref: end.target, oid: end.oid };
  };

  const findObjects = (
    options: OperationOptions & { readonly reload?: boolean | undefined },
  ): Promise<ObjectListing> => {
    if (options.reload === true) objects = undefined;
    if (objects !== undefined) return objects;
    const reading = listObjects(place, repository, options);
    reading.catch(() => {
      if (objects === reading) objects = undefined;
    });
    return (objects = reading);
  };

  const fileOf = ({ key, sizeBytes, etag }: ListedKey): StoredFile => ({
    key: key.slice(top.length),
    sizeBytes,
    version: etag,
  });

  const openPack = ({ id, pack, beside }: ListedPack): PackHandle => ({
    id,
    ...files.open(fileOf(pack), 0, pack.sizeBytes),
    async sidecar(kind, options = {}) {
      options.signal?.throwIfAborted();
      const found = beside.get(kind);
      if (found === undefined) return undefined;
      // Who reads the index reads the pack next.
      if (kind === "idx") files.prefetch(fileOf(pack), 0);
      return files.read(fileOf(found), 0, found.sizeBytes, options);
    },
    async [Symbol.asyncDispose]() {},
  });

  const refBatches: Snapshot["refBatches"] = (query = {}) => spans.listRefs(query, () => batches(query));

  return {
    token: randomUUID(),
    objectFormat,
    async head(options = {}) {
      options.signal?.throwIfAborted();
      return readHead(options);
    },
    refs: (query) => eachRef(refBatches(query), objectFormat),
    refBatches,
    async ref(name, options = {}) {
      options.signal?.throwIfAborted();
      if (refRanges([name])[0] !== name || !checkRefName(name)) return undefined;
      return resolve(name, await rawOf(name, options), options);
    },
    async packs(options = {}) {
      options.signal?.throwIfAborted();
      const { packs } = await findObjects(options);
      return packs.map(({ id, pack }) => ({ id, sizeBytes: pack.sizeBytes }));
    },
    async openPack(id, options = {}) {
      options.signal?.throwIfAborted();
      for (const reload of [false, true]) {
        const { packs } = await findObjects({ ...options, reload });
        const found = packs.find((candidate) => candidate.id === id);
        if (found !== undefined) return openPack(found);
      }
      throw new StorageError("STORAGE_NOT_FOUND", `no pack ${id}`, { key: id });
    },
    async openLoose(oid, options = {}) {
      options.signal?.throwIfAborted();
      const found = (await findObjects(options)).loose.get(oid);
      return found === undefined
        ? undefined
        : openLooseFile(files.open(fileOf(found), 0, found.sizeBytes), oid, options.signal);
    },
    async *listLoose(options = {}) {
      options.signal?.throwIfAborted();
      yield* (await findObjects(options)).loose.keys();
    },
    async shallow(options = {}) {
      options.signal?.throwIfAborted();
      return parseShallow((await texts.look(`${base}shallow`, options))?.value ?? "", objectFormat);
    },
    async config(options = {}) {
      options.signal?.throwIfAborted();
      return createConfig(parseConfig(config ?? ""));
    },
    async *alternateTips() {},
    async [Symbol.asyncDispose]() {},
  };
}
