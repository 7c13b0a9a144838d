/** Ordinary git repositories on a disk, shared with the git program. */
export * from "./schema.ts";
export { fsCapabilities } from "./capabilities.ts";
export { createFsRepository, openFsRepository, openFsStorage } from "./fs-storage.ts";
export { type LockNotes, openLockNotes } from "./files/lock-notes.ts";
