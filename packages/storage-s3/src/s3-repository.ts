import type { Bucket } from "./bucket/bucket.ts";
import { type Committer, createCommitter } from "./commit/committer.ts";
import type { FileStore } from "./files/file-store.ts";
import type { Keys } from "./keys.ts";
import { createLatest, type Latest } from "./manifest/latest.ts";
import { createRefReader } from "./refs/read-refs.ts";
import { createSpill } from "./refs/spill-refs.ts";
import type { TableStore } from "./refs/table-store.ts";
import { createS3Outbox, type S3Outbox } from "./outbox/outbox.ts";
import { createS3Snapshot } from "./s3-snapshot.ts";

/** What all stores of one bucket share. */
export interface S3Place {
  readonly bucket: Bucket;
  readonly keys: Keys;
  readonly files: FileStore;
  readonly tables: TableStore;
  readonly settings: S3Settings;
}

/** The options that count after the start, with their defaults. */
export interface S3Settings {
  readonly spoolFolder: string;
  readonly smallPackBytes: number;
  readonly partBytes: number;
  readonly uploadConcurrency: number;
  readonly commitTimeoutMs: number;
  readonly inlineRefs: number;
  readonly graceMs: number;
  readonly leaseMs: number;
}

/** What the stores of one repository in this process share, so that its manifest is read once and written in groups. */
export interface S3Repository {
  readonly name: string;
  readonly latest: Latest;
  readonly committer: Committer;
  readonly outbox: S3Outbox;
}

/** Others take a notice up again after a minute: what was told must be written before. */
const SETTLE_MS = 15_000;

export function createS3Repository(place: S3Place, name: string): S3Repository {
  const { bucket, keys, files, tables, settings } = place;
  const { inlineRefs } = settings;
  const latest = createLatest(bucket, keys.manifest(name));
  const timeoutMs = settings.commitTimeoutMs;
  const outbox = createS3Outbox({ bucket, latest, timeoutMs, settleMs: SETTLE_MS });
  const committer = createCommitter({
    bucket,
    latest,
    name,
    timeoutMs,
    open: (state) => createS3Snapshot(state, files, tables),
    refsOf: (state) => createRefReader(state.refs, state.objectFormat, tables),
    createSpill: () => createSpill({ bucket, keys, files, tables, inlineRefs }),
    unsettled: outbox.unsettled,
  });
  return { name, latest, committer, outbox };
}
