/** A lazy object store: objects of a git repository somewhere else, fetched when they are first needed. */
export type { GrepHit, GrepQuery } from "./grep/grep.ts";
export type { GrepPattern, Match } from "./grep/pattern.ts";
export type { MatchedLine } from "./grep/search-file.ts";
export { PromisorError, type PromisorErrorCode, type PromisorErrorDetail } from "./errors.ts";
export type { ObjectTaker } from "./handover.ts";
export { createPromisor, type Promisor, type Resolution, type ResolveOptions } from "./promisor.ts";
export {
  type OverfullPolicy,
  type EvictionOrder,
  PartialCloneSettings,
  PromisorOptions,
  SharedPromisorOptions,
  SourceLimits,
  StoreCacheOptions,
} from "./schema.ts";
export { SharedPromisor } from "./shared-promisor.ts";
export { restore, snapshot } from "./snapshot.ts";
export type {
  FetchedObject,
  FetchedPack,
  FetchOptions,
  GitObject,
  ObjectSource,
} from "./source/object-source.ts";
export { openRemoteSource } from "./source/remote-source.ts";
export { openStorageSource, type StorageSource } from "./source/storage-source.ts";
export { partialCloneConfig } from "./store/partial-clone.ts";
export { openStoreCache, type StoreCache, type StoreCacheParts } from "./store/store-cache.ts";
export type { Entry, EntryKind } from "./tree/entry.ts";
export { type LfsPointer, parseLfsPointer } from "./tree/lfs-pointer.ts";
export type { LineRange, NumberedLine } from "./tree/lines.ts";
export type { LoggedCommit, LogOptions } from "./tree/log.ts";
export type { RefSource } from "./tree/resolve-name.ts";
export {
  type ByteRange,
  openTree,
  type PrefetchProgress,
  type Stat,
  type TreeSource,
  type TreeView,
  type WalkedEntry,
} from "./tree/tree-view.ts";
export { type ChangedEntry, diffTrees, type TreeChange } from "./workspace/diff-trees.ts";
export type { Identity } from "./workspace/identity.ts";
export {
  type CommitRequest,
  openWorkspace,
  type PushOptions,
  restoreWorkspace,
  type Workspace,
  type WorkspaceState,
  type WrittenKind,
} from "./workspace/workspace.ts";
