import type { OperationOptions } from "@millrace/pack";
import { isRepositoryName, type SweepOptions, type SweepReport } from "@millrace/storage";
import type { Bucket, KeyKind, ListedKey, ListedUpload } from "../bucket/bucket.ts";
import { stateIn } from "../commit/judge.ts";
import { swap } from "../commit/swap.ts";
import { inParallel } from "../in-parallel.ts";
import { isSweepable } from "../keys.ts";
import { readManifestNames } from "../manifest/names.ts";
import type { S3Place, S3Repository } from "../s3-repository.ts";

export interface Sweeper {
  readonly place: S3Place;
  readonly repositoryOf: (name: string) => S3Repository;
}

/** Requests under way at once. */
const WIDTH = 16;

/**
 * Deletes what nothing needs: files on the list of their manifest whose grace time is over; files, probes and unfinished
 * uploads as old that no manifest names. Files are listed before any manifest is read, and a stage is given up by half of
 * the grace time, so what is unnamed and old stays unnamed. It may run anywhere at any time, also more than once at once.
 * Throws `STORAGE_CORRUPT` where a manifest cannot be read, before anything is deleted that it might name.
 */
export async function sweep(
  { place, repositoryOf }: Sweeper,
  { repository, dryRun = false, signal }: SweepOptions & OperationOptions,
): Promise<SweepReport> {
  const { bucket, keys, settings } = place;
  const report = { removedCount: 0, removedBytes: 0, orphanCount: 0, orphanBytes: 0, uploadCount: 0 };
  const options = { signal };

  /** Deletes what is on the list of one manifest for long enough, and then takes it from the list. */
  const expire = async (name: string): Promise<void> => {
    const { latest } = repositoryOf(name);
    const found = stateIn(await latest.refresh(options));
    if (found === undefined) return;
    const before = bucket.nowMs() - settings.graceMs;
    const over = found.removed.filter(({ removedMs }) => removedMs < before);
    if (over.length === 0) return;
    report.removedCount += over.length;
    report.removedBytes += over.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
    if (dryRun) return;
    await inParallel(over, WIDTH, ({ key }) => bucket.delete("pack", keys.file(key), options));
    const gone = new Set(over.map(({ key }) => key));
    await swap(bucket, latest, { timeoutMs: settings.commitTimeoutMs }, async (version) => {
      const state = stateIn(version);
      if (state?.life !== found.life) return undefined;
      const removed = state.removed.filter(({ key }) => !gone.has(key));
      return removed.length === state.removed.length ? undefined : { ...state, removed };
    });
  };

  if (repository !== undefined) {
    await expire(repository);
    return report;
  }
  const old = await listOld(place, options);
  const named = new Set<string>();
  /** Folders of repositories that were removed a short time ago, whose readers read on. */
  const spared = new Set<string>();
  const listedAt = bucket.nowMs();
  const names: string[] = [];
  for await (const { key } of eachKey(bucket, "manifest", keys.manifests, options))
    names.push(keys.nameOf(key));
  await inParallel(names.filter(isRepositoryName), WIDTH, async (name) => {
    const found = await bucket.get("manifest", keys.manifest(name), options);
    if (found === undefined || found === "unchanged") return;
    const { files, hasRemoved, removedLife, removedMs } = readManifestNames(found.bytes, keys.manifest(name));
    for (const file of files) named.add(keys.file(file));
    if (removedLife !== undefined && removedMs > listedAt - settings.graceMs) spared.add(removedLife);
    if (hasRemoved) await expire(name);
  });

  const orphans = old.files.filter(({ key }) => !named.has(key) && !spared.has(lifeOf(key)));
  report.orphanCount = orphans.length;
  report.orphanBytes = orphans.reduce((sum, { sizeBytes }) => sum + sizeBytes, 0);
  report.uploadCount = old.uploads.length;
  if (dryRun) return report;
  await inParallel(old.uploads, WIDTH, ({ key, upload }) => bucket.abortUpload(key, upload));
  await inParallel(orphans, WIDTH, ({ key }) => bucket.delete("pack", key, options));
  return report;
}

/** All files, probes and unfinished uploads that are older than the grace time, by the clock that dates them. */
async function listOld(
  { bucket, keys, settings }: S3Place,
  options: OperationOptions,
): Promise<{ readonly files: readonly ListedKey[]; readonly uploads: readonly ListedUpload[] }> {
  const isOld = (atMs: number): boolean => atMs < bucket.nowMs() - settings.graceMs;
  const files: ListedKey[] = [];
  for (const [kind, prefix] of [
    ["pack", keys.files],
    ["probe", keys.probes],
  ] as const) {
    for await (const listed of eachKey(bucket, kind, prefix, options)) {
      if (isOld(listed.modifiedMs) && isSweepable(keys.below(listed.key))) files.push(listed);
    }
  }
  const uploads = await bucket.listUploads(keys.files, options);
  return {
    files,
    uploads: uploads.filter(({ key, startedMs }) => isOld(startedMs) && isSweepable(keys.below(key))),
  };
}

async function* eachKey(
  bucket: Bucket,
  kind: KeyKind,
  prefix: string,
  options: OperationOptions,
): AsyncGenerator<ListedKey> {
  for (let last: string | undefined; ; ) {
    const page = await bucket.list(kind, prefix, last, options);
    yield* page.keys;
    last = page.keys.at(-1)?.key;
    if (page.isLast || last === undefined) return;
  }
}

/** The life in whose folder a file lies. */
function lifeOf(key: string): string {
  return key.split("/").at(-2) ?? "";
}
