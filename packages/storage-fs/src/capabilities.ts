import type { StorageCapabilities } from "@millrace/storage";

/** What repositories on a disk can do. Refs move one by one, so a reader may see some of a commit's refs moved and others not. */
export const fsCapabilities: StorageCapabilities = Object.freeze({
  consistentSnapshot: false,
  atomicRefs: false,
  looseObjects: true,
  alternates: true,
  reflog: true,
  hooksOnDisk: true,
});
