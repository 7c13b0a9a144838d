import type { OperationOptions } from "@millrace/pack";
import {
  type CommitRequest,
  type CommitResult,
  type RepositoryStore,
  type Stage,
  StorageError,
} from "@millrace/storage";
import { type CommitTarget, stateIn } from "./commit/judge.ts";
import { takeLease } from "./maintenance/lease.ts";
import { createS3Maintenance, type S3Maintenance } from "./maintenance/maintenance.ts";
import type { RepositoryState, UploadedPack } from "./manifest/repository-state.ts";
import { s3Capabilities } from "./s3-capabilities.ts";
import type { S3Place, S3Repository } from "./s3-repository.ts";
import { createS3Snapshot, spans } from "./s3-snapshot.ts";
import { untilAborted } from "./manifest/latest.ts";
import { createPackUpload } from "./stage/pack-upload.ts";
import { openStage, type S3Stage } from "./stage/s3-stage.ts";

export interface S3StoreOptions {
  readonly place: S3Place;
  readonly repository: S3Repository;
  /** The repository, or what it becomes with its first commit. */
  readonly state: RepositoryState;
  readonly isDraft: boolean;
}

/** One repository in a bucket. */
export function createS3Store({ place, repository, state, isDraft }: S3StoreOptions): RepositoryStore {
  const { bucket, keys, files, tables, settings } = place;
  const { name, latest, committer, outbox } = repository;
  const { objectFormat } = state;
  const stages = new WeakMap<Stage, S3Stage<UploadedPack>>();
  let maintenance: S3Maintenance | undefined;
  let target: CommitTarget = isDraft ? { draft: state } : { life: state.life };

  /** The repository as it is now. Throws `STORAGE_NOT_FOUND` where it was removed. */
  const newest = async (options: OperationOptions): Promise<RepositoryState> => {
    if ("draft" in target) return target.draft;
    const found = stateIn(await latest.refresh(options));
    if (found?.life === target.life) return found;
    throw new StorageError("STORAGE_NOT_FOUND", `${name} was removed`, { key: name });
  };

  /** The repository as it was when this process looked last, if it did. */
  const seen = (): RepositoryState | undefined => {
    const known = latest.seen === undefined ? undefined : stateIn(latest.seen);
    return "life" in target && known?.life === target.life ? known : undefined;
  };

  const commit = async (request: CommitRequest, { signal }: OperationOptions): Promise<CommitResult> => {
    signal?.throwIfAborted();
    const adding = (request.add ?? []).map((stage) => {
      const own = stages.get(stage);
      if (own === undefined) throw new StorageError("STORAGE_STAGE_EXPIRED", "a stage of another store");
      return own;
    });
    const { remove, refs = [] } = request;
    const lease = maintenance?.isOver === false ? maintenance.lease?.id : undefined;
    if (remove !== undefined && (lease === undefined || refs.length > 0)) {
      throw new StorageError("STORAGE_UNSUPPORTED", "only maintenance removes, and it moves no refs", {
        key: name,
      });
    }
    const expiresMs = Math.min(...adding.map((stage) => stage.expiresMs));
    const uploads = Promise.all(adding.map((stage) => stage.uploaded({ signal })));
    const packs = await untilAborted(uploads, signal);
    try {
      const { result, life } = await committer.commit({ request, packs, expiresMs, lease, target, signal });
      if (!result.committed) return result;
      target = { life };
      await settle(adding, packs);
      return result;
    } catch (error) {
      // A manifest may name the files, now or soon.
      if (error instanceof StorageError && error.code === "STORAGE_OUTCOME_UNKNOWN") {
        for (const stage of adding) stage.landed();
      }
      throw error;
    }
  };

  /** Lets go of the stages whose packs are in the manifest; one that was there already needs its files no more. */
  const settle = async (
    adding: readonly S3Stage<UploadedPack>[],
    packs: readonly UploadedPack[],
  ): Promise<void> => {
    const named = new Set(
      stateIn(latest.seen ?? { etag: undefined, state: undefined })?.packs.flatMap(keysOf),
    );
    for (const [index, stage] of adding.entries()) {
      const pack = packs[index] as UploadedPack;
      if (keysOf(pack).some((key) => named.has(key))) stage.landed();
      const idxBytes = pack.idx[2];
      await spans.putPack({ id: pack.id, sizeBytes: pack.pack[2], idxBytes }, async () => undefined);
    }
  };

  return {
    name,
    backend: "s3",
    capabilities: s3Capabilities,
    objectFormat,
    async snapshot({ signal, mayBeOld = false } = {}) {
      signal?.throwIfAborted();
      const known = mayBeOld ? seen() : undefined;
      return createS3Snapshot(known ?? (await newest({ signal })), files, tables);
    },
    async stage(options = {}) {
      options.signal?.throwIfAborted();
      // What is known is good enough: the commit looks again.
      const { life } = seen() ?? (await newest(options));
      const stage = await openStage(
        {
          objectFormat,
          spoolFolder: settings.spoolFolder,
          expiresMs: bucket.nowMs() + settings.graceMs / 2,
          partBytes: settings.partBytes,
          upload: (signal) =>
            createPackUpload({
              bucket,
              keys,
              life,
              smallPackBytes: settings.smallPackBytes,
              partBytes: settings.partBytes,
              concurrency: settings.uploadConcurrency,
              onSent: (file, bytes) => files.keep(file, bytes),
              signal,
            }),
        },
        options,
      );
      stages.set(stage, stage);
      return stage;
    },
    commit: (request, options = {}) => spans.commit(request, () => commit(request, options)),
    async beginMaintenance({ signal, dryRun = false } = {}) {
      const { life, config } = await newest({ signal });
      const { commitTimeoutMs: timeoutMs, leaseMs } = settings;
      const lease = dryRun
        ? undefined
        : await takeLease({ bucket, latest, name, life, leaseMs, timeoutMs, signal });
      const startedMs = lease?.takenMs ?? bucket.nowMs();
      const begun = createS3Maintenance({ lease, startedMs, config, newest });
      if (!dryRun) maintenance = begun;
      return begun;
    },
    outbox,
    async [Symbol.asyncDispose]() {},
  };
}

function keysOf({ files }: UploadedPack): string[] {
  return files.map(({ key }) => key);
}
