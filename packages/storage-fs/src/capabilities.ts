import type { StorageCapabilities } from "@millrace/storage";
import type { RefFormat } from "./schema.ts";

/** What repositories on a disk can do. Refs move one by one, so a reader may see some of a commit's refs moved and others not. */
export const fsCapabilities: StorageCapabilities = Object.freeze({
  consistentSnapshot: false,
  atomicRefs: false,
  looseObjects: true,
  alternates: true,
  reflog: true,
  hooksOnDisk: true,
  atomicCommits: true,
  refDeletion: true,
  maintenance: true,
  partialClones: true,
});

/** The same of repositories whose refs are kept like this: tables take all refs of a commit in one step. */
export function capabilitiesOf(refFormat: RefFormat): StorageCapabilities {
  return refFormat === "files" ? fsCapabilities : REFTABLE;
}

const REFTABLE: StorageCapabilities = Object.freeze({ ...fsCapabilities, atomicRefs: true });
