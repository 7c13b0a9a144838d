import type { StorageCapabilities } from "@millrace/storage";

/**
 * What the layout `bare` declares: one key a ref, so a reader may see some of a commit's refs moved and others not.
 * Refs are deleted only where the store deletes under a condition.
 */
export function bareCapabilities(refDeletion: boolean): StorageCapabilities {
  return Object.freeze({
    consistentSnapshot: false,
    atomicRefs: false,
    atomicCommits: false,
    looseObjects: true,
    alternates: false,
    reflog: false,
    hooksOnDisk: false,
    refDeletion,
  });
}
