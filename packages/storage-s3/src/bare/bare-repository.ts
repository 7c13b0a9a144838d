import type { ObjectFormat } from "@millrace/pack";
import { openPackedRefs, type PackedRefs, StorageError } from "@millrace/storage";
import type { Bucket } from "../bucket/bucket.ts";
import type { FileStore } from "../files/file-store.ts";
import type { S3Settings } from "../s3-repository.ts";
import { createRemembered, type Remembered } from "./remembered.ts";

/** What all stores of one bucket in this layout share. */
export interface BarePlace {
  readonly bucket: Bucket;
  /** What all keys start with: empty, or with a slash at its end. */
  readonly top: string;
  readonly files: FileStore;
  readonly settings: BareSettings;
  /** The store deletes under a condition. */
  readonly mayDelete: boolean;
  /** `HEAD`, `config`, `shallow` and the files of refs, of all repositories. */
  readonly texts: Remembered<string>;
}

/** The options that count after the start, with their defaults. */
export interface BareSettings extends S3Settings {
  readonly listRefsConcurrency: number;
  readonly listRefsTimeoutMs: number;
  readonly putPackTimeoutMs: number;
  readonly claimTimeoutMs: number;
}

/** What the stores of one repository in this process share. */
export interface BareRepository {
  readonly name: string;
  readonly objectFormat: ObjectFormat;
  /** What its keys start with. */
  readonly base: string;
  readonly packed: Remembered<PackedRefs>;
  /** Packs that this process has landed, by number: the store's clock does not tell two of one second apart. */
  readonly landed: Map<string, number>;
  /** Does one thing behind the other: commits of one process do not get in each other's way. */
  inTurn<T>(work: () => Promise<T>): Promise<T>;
}

export function createBareRepository(
  { bucket, top }: BarePlace,
  name: string,
  objectFormat: ObjectFormat,
): BareRepository {
  let last: Promise<unknown> = Promise.resolve();
  return {
    name,
    objectFormat,
    base: `${top}${name}/`,
    packed: createRemembered(bucket, (bytes) => openPackedRefs(bytes, objectFormat), 1),
    landed: new Map(),
    inTurn(work) {
      const mine = last.then(work);
      last = mine.catch(() => undefined);
      return mine;
    },
  };
}

/** The error for a name under which no repository lies. */
export function notFound(name: string): StorageError {
  return new StorageError("STORAGE_NOT_FOUND", `no repository ${name}`, { key: name });
}
