import { rm } from "node:fs/promises";
import {
  type CommitRequest,
  type CommitResult,
  type RepositoryStore,
  type Snapshot,
  type Stage,
  StorageError,
} from "@millrace/storage";
import { capabilitiesOf } from "./capabilities.ts";
import { publishDraft } from "./drafts.ts";
import { guarded } from "./files/fault.ts";
import { type FsRepository, openRepository, spans } from "./fs-repository.ts";
import { openSnapshot } from "./fs-snapshot.ts";
import { beginFsMaintenance, type FsMaintenance } from "./maintenance/maintenance.ts";
import { removeObjects } from "./maintenance/remove-objects.ts";
import { noRepository, placeAt } from "./place.ts";
import { commitRefs } from "./refs/commit-refs.ts";
import { readRawHead } from "./refs/loose-ref.ts";
import { type FsStage, openStage } from "./stage/fs-stage.ts";
import { commitTables } from "./tables/commit-tables.ts";
import type { Landing } from "./stage/land-pack.ts";

export interface FsStoreOptions {
  readonly name: string;
  readonly repository: FsRepository;
  /** Where a draft goes with its first commit. */
  readonly publishAt?: string | undefined;
}

/** One repository on a disk. A draft becomes visible, or gives its packs to the repository that has come before it. */
export function createFsStore(options: FsStoreOptions): RepositoryStore {
  const { name } = options;
  const stages = new WeakSet<Stage>();
  let repository = options.repository;
  let publishAt = options.publishAt;
  let maintenance: FsMaintenance | undefined;
  /** The draft's directory, as long as it is not the repository's. */
  let draft = publishAt === undefined ? undefined : repository.place.gitDir;

  const run = async (request: CommitRequest, signal: AbortSignal | undefined): Promise<CommitResult> => {
    signal?.throwIfAborted();
    const adding = (request.add ?? []).map((stage) => {
      if (!stages.has(stage))
        throw new StorageError("STORAGE_STAGE_EXPIRED", "a stage of another store", { key: name });
      return stage as FsStage;
    });
    const ready = adding.map((stage) => stage.checkReady());
    const { remove, refs = [] } = request;
    const ongoing = maintenance?.isOver === false ? maintenance : undefined;
    if (remove !== undefined && (ongoing === undefined || refs.length > 0)) {
      throw new StorageError("STORAGE_UNSUPPORTED", "only maintenance removes, and it moves no refs", {
        key: name,
      });
    }
    // Locks make the directories they need: not where the repository has been removed.
    if ((await readRawHead(repository)) === undefined) throw noRepository(name);
    const landings: Landing[] = [];
    try {
      const view = (): Promise<Snapshot> => openSnapshot(repository, { signal });
      const commitTo = repository.refFormat === "files" ? commitRefs : commitTables;
      const result = await commitTo({
        repository,
        request,
        signal,
        quarantines: adding.flatMap(({ path }) => path ?? []),
        view,
        async land() {
          const how = { asPacks: remove !== undefined, isPromised: request.promised === true };
          for (const stage of adding) landings.push(await stage.land(repository, how));
        },
      });
      if (remove === undefined || ongoing === undefined) return result;
      const which = {
        landing: new Set(ready.map(({ id }) => id)),
        isPromised: request.promised === true,
      };
      const isConfirmed = (await remove.confirm?.(await view())) ?? true;
      const removed = isConfirmed ? await removeObjects(repository, ongoing, remove, which, { signal }) : [];
      return { ...result, committed: result.committed || removed.length > 0, removed };
    } finally {
      for (const landing of landings) await landing.release();
    }
  };

  /** Goes over to the repository that another writer has made while this one was a draft. */
  const adopt = async (target: string): Promise<boolean> => {
    const place = await placeAt(target);
    if (place === undefined) return false;
    const existing = await openRepository(place, repository.settings);
    if (existing.objectFormat !== repository.objectFormat) {
      throw new StorageError("STORAGE_EXISTS", `${name} has been made with ${existing.objectFormat}`, {
        key: name,
      });
    }
    repository = existing;
    publishAt = undefined;
    return true;
  };

  const commit = async (request: CommitRequest, signal: AbortSignal | undefined): Promise<CommitResult> => {
    const target = publishAt;
    if (target === undefined) return run(request, signal);
    const joining = { ...request, symrefs: [] };
    if (await adopt(target)) return run(joining, signal);
    const result = await run(request, signal);
    if (!result.committed) return result;
    if (await publishDraft(repository.place.gitDir, target, repository.settings.fsync)) {
      repository.place.gitDir = target;
      repository.place.commonDir = target;
      publishAt = undefined;
      draft = undefined;
      return result;
    }
    if (await adopt(target)) return run(joining, signal);
    throw new StorageError("STORAGE_EXISTS", `something else lies at ${target}`, { key: name });
  };

  return {
    name,
    backend: "fs",
    get capabilities() {
      return capabilitiesOf(repository.refFormat);
    },
    get objectFormat() {
      return repository.objectFormat;
    },
    snapshot: ({ signal } = {}) => guarded(name, () => openSnapshot(repository, { signal })),
    stage: (stageOptions = {}) =>
      guarded(name, async () => {
        const stage = await openStage(repository, stageOptions);
        stages.add(stage);
        return stage;
      }),
    commit: (request, { signal } = {}) =>
      spans.commit(request, () => guarded(name, () => commit(request, signal))),
    beginMaintenance: (maintenanceOptions = {}) =>
      guarded(name, async () => {
        const begun = await beginFsMaintenance(repository, maintenanceOptions);
        if (maintenanceOptions.dryRun !== true) maintenance = begun;
        return begun;
      }),
    [Symbol.asyncDispose]: () =>
      guarded(name, async () => {
        const left = draft;
        draft = undefined;
        if (left !== undefined) await rm(left, { recursive: true, force: true });
      }),
  };
}
