import { booleanValue, lastValue, type Maintenance, type RepositoryConfig } from "@millrace/storage";
import type { OperationOptions } from "@millrace/pack";
import type { RepositoryState } from "../manifest/repository-state.ts";
import type { Lease } from "./lease.ts";

/** A maintenance with what the store asks of it. */
export interface S3Maintenance extends Maintenance {
  readonly lease: Lease | undefined;
  readonly isOver: boolean;
}

export interface S3MaintenanceOptions {
  /** Absent where nothing is to be done but to look. */
  readonly lease: Lease | undefined;
  readonly startedMs: number;
  readonly config: RepositoryConfig;
  /** The repository as it is now. */
  readonly newest: (options: OperationOptions) => Promise<RepositoryState>;
}

/** What a manifest tells whoever tidies up; every pack may go. */
export function createS3Maintenance(options: S3MaintenanceOptions): S3Maintenance {
  const { lease, startedMs, config, newest } = options;
  let isOver = false;
  return {
    lease,
    startedMs,
    mayDrop: mayDropObjects(config),
    get isOver() {
      return isOver;
    },
    async packs(query = {}) {
      const { packs } = await newest(query);
      return packs.map(({ id, landedMs, mtimes }) => ({
        id,
        modifiedMs: landedMs,
        stays: false,
        isBorrowed: false,
        isCruft: mtimes !== undefined,
      }));
    },
    async *loose() {},
    async *moreTips() {},
    async [Symbol.asyncDispose]() {
      if (isOver) return;
      isOver = true;
      await lease?.release();
    },
  };
}

/** Promises are kept for others, and precious objects by request (git-config, "extensions"). */
function mayDropObjects(config: RepositoryConfig): boolean {
  const isPrecious = booleanValue(config, "extensions.preciousobjects") === true;
  return !isPrecious && lastValue(config, "extensions.partialclone") === undefined;
}
