import type { OperationOptions } from "@millrace/pack";
import type { SweepOptions, SweepReport } from "@millrace/storage";
import type { BarePlace } from "./bare-repository.ts";

/** What a pack and the files beside it are called. */
const PACK_FILE = /\/objects\/pack\/pack-[0-9a-f]{40,64}\.[a-z]+$/;

/**
 * Gives up uploads of packs that were begun before the grace time and that nobody will finish. Whole files stay, also
 * those of a pack whose index is missing: their keys are made of what is in them, so that whoever pushes the same again
 * may be about to need them.
 */
export async function sweepUploads(
  { bucket, top, settings }: BarePlace,
  { repository, dryRun = false, signal }: SweepOptions & OperationOptions,
): Promise<SweepReport> {
  const uploads = await bucket.listUploads(repository === undefined ? top : `${top}${repository}/`, {
    signal,
  });
  // The time is known by that answer at the latest.
  const before = bucket.nowMs() - settings.graceMs;
  const old = uploads.filter(({ key, startedMs }) => PACK_FILE.test(key) && startedMs < before);
  if (!dryRun) for (const { key, upload } of old) await bucket.abortUpload(key, upload);
  return { removedCount: 0, removedBytes: 0, orphanCount: 0, orphanBytes: 0, uploadCount: old.length };
}
