import { randomUUID } from "node:crypto";
import { readFile } from "node:fs/promises";
import { resolve as resolvePath } from "node:path";
import { isOid, type OperationOptions } from "@millrace/pack";
import {
  checkRefName,
  eachRef,
  type Head,
  type RefBatch,
  type RefQuery,
  type Snapshot,
  StorageError,
} from "@millrace/storage";
import { expandHome } from "./config/include-condition.ts";
import { guarded, guardedItems } from "./files/fault.ts";
import { type FsRepository, spans } from "./fs-repository.ts";
import { alternateTips } from "./objects/alternate-tips.ts";
import { findCommitGraph } from "./objects/commit-graph.ts";
import { listLooseObjects, openLooseObject } from "./objects/loose-objects.ts";
import { openPackFile } from "./objects/open-pack.ts";
import type { CatalogedPack } from "./objects/pack-catalog.ts";
import { noRepository } from "./place.ts";
import { checkedOutBranches } from "./refs/checked-out.ts";
import { listRefs, resolve } from "./refs/list-refs.ts";
import { followSymref, readRawHead, readRawRef } from "./refs/loose-ref.ts";
import type { RawRef } from "@millrace/storage";
import { readShallow } from "./shallow-file.ts";

/**
 * A view of a repository that git may change meanwhile. HEAD is read now; refs when they are asked for; packs and
 * alternates when they are asked for after refs were, or with `reload`. Throws `STORAGE_NOT_FOUND`.
 */
export async function openSnapshot(
  repository: FsRepository,
  options: OperationOptions = {},
): Promise<Snapshot> {
  const { place, objectFormat } = repository;
  options.signal?.throwIfAborted();
  const rawHead = await readRawHead(repository);
  if (rawHead === undefined) throw noRepository(place.gitDir);
  let directories: readonly string[] | undefined;
  let packs: readonly CatalogedPack[] | undefined;

  /** What refs name may lie in packs that came after the last look. */
  const refsWereRead = (): void => {
    packs = undefined;
    directories = undefined;
  };
  const findDirectories = async (): Promise<readonly string[]> => {
    directories ??= await repository.objectDirectories();
    return directories;
  };
  const findPacks = async (reload: boolean, signal?: AbortSignal): Promise<readonly CatalogedPack[]> => {
    if (reload) refsWereRead();
    packs ??= await repository.packs.list(await findDirectories(), { signal });
    return packs;
  };

  const refBatches = (query: RefQuery = {}): AsyncIterable<RefBatch> =>
    spans.listRefs(query, () =>
      guardedItems("refs", async function* () {
        query.signal?.throwIfAborted();
        refsWereRead();
        yield* listRefs(repository, query);
      }),
    );

  return {
    token: randomUUID(),
    objectFormat,
    head: ({ signal } = {}) =>
      guarded("HEAD", async () => {
        signal?.throwIfAborted();
        refsWereRead();
        return resolveHead(repository, rawHead);
      }),
    refs: (query) => eachRef(refBatches(query), objectFormat),
    refBatches,
    ref: (name, { signal } = {}) =>
      guarded(name, async () => {
        signal?.throwIfAborted();
        if (!name.startsWith("refs/") || !checkRefName(name)) return undefined;
        refsWereRead();
        return resolve(repository, name, await readRawRef(repository, name));
      }),
    packs: ({ signal, reload = false } = {}) =>
      guarded("objects/pack", async () => {
        signal?.throwIfAborted();
        return (await findPacks(reload, signal)).map(({ id, sizeBytes }) => ({ id, sizeBytes }));
      }),
    openPack: (id, { signal } = {}) =>
      guarded(id, async () => {
        signal?.throwIfAborted();
        for (const reload of [false, true]) {
          const pack = (await findPacks(reload, signal)).find((candidate) => candidate.id === id);
          const handle = pack === undefined ? undefined : await openPackFile(pack, repository.settings.cache);
          if (handle !== undefined) return handle;
        }
        throw new StorageError("STORAGE_NOT_FOUND", `no pack ${id}`, { key: id });
      }),
    openLoose: (oid, { signal } = {}) =>
      guarded(oid, async () => {
        signal?.throwIfAborted();
        return isOid(oid, objectFormat) ? openLooseObject(await findDirectories(), oid) : undefined;
      }),
    listLoose: (query = {}) =>
      guardedItems("objects", async function* () {
        query.signal?.throwIfAborted();
        yield* listLooseObjects(await findDirectories(), objectFormat, query);
      }),
    shallow: ({ signal } = {}) =>
      guarded("shallow", async () => {
        signal?.throwIfAborted();
        return readShallow(repository);
      }),
    config: ({ signal } = {}) =>
      guarded("config", async () => {
        signal?.throwIfAborted();
        return repository.config();
      }),
    configuredFile: (path, { signal } = {}) =>
      guarded(path, async () => {
        signal?.throwIfAborted();
        const expanded = expandHome(path, repository.settings.homeDirectory);
        return expanded === undefined ? undefined : readIfFile(resolvePath(place.gitDir, expanded));
      }),
    alternateTips: (query = {}) =>
      guardedItems("objects/info/alternates", async function* () {
        query.signal?.throwIfAborted();
        const [, ...borrowed] = await findDirectories();
        yield* alternateTips(repository, borrowed, query);
      }),
    checkedOut: ({ signal } = {}) =>
      guarded("worktrees", async () => {
        signal?.throwIfAborted();
        return checkedOutBranches(repository);
      }),
    commitGraph: ({ signal } = {}) =>
      guarded("objects/info/commit-graph", async () => {
        signal?.throwIfAborted();
        return findCommitGraph(repository, await findDirectories());
      }),
    async [Symbol.asyncDispose]() {},
  };
}

/** Whatever keeps git from opening a file, it is not there to it. */
async function readIfFile(path: string): Promise<Uint8Array | undefined> {
  try {
    return await readFile(path);
  } catch {
    return undefined;
  }
}

async function resolveHead(repository: FsRepository, raw: RawRef): Promise<Head> {
  if (raw === "broken") throw new StorageError("STORAGE_CORRUPT", "HEAD makes no sense", { key: "HEAD" });
  const end = await followSymref(repository, "HEAD", { raw });
  if (end === undefined) return {};
  const found = end.found?.raw;
  const oid = found === undefined || found === "broken" || found.symref !== undefined ? undefined : found.oid;
  return end.target === "HEAD" ? { oid } : { symref: end.target, oid };
}
