import type { StorageCapabilities } from "../schema.ts";

/** What the in-memory backend declares. */
export const memoryCapabilities: StorageCapabilities = Object.freeze({
  consistentSnapshot: true,
  atomicRefs: true,
  looseObjects: false,
  alternates: false,
  reflog: false,
  hooksOnDisk: false,
  atomicCommits: true,
  refDeletion: true,
  maintenance: true,
  partialClones: true,
  outbox: true,
});
