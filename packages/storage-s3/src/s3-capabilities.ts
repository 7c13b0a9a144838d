import type { StorageCapabilities } from "@millrace/storage";

/** What this backend declares: a manifest is one instant, and all its refs move in one step. */
export const s3Capabilities: StorageCapabilities = Object.freeze({
  consistentSnapshot: true,
  atomicRefs: true,
  looseObjects: false,
  alternates: false,
  reflog: false,
  hooksOnDisk: false,
  atomicCommits: true,
  refDeletion: true,
  maintenance: true,
  outbox: true,
});
