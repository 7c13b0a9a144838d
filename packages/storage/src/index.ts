/** The storage contract of Millrace, its in-memory backend and its conformance suite. */
export * from "./schema.ts";
export * from "./errors.ts";
export * from "./contract.ts";
export * from "./maintenance.ts";
export * from "./outbox.ts";
export { addNotice, dueNotices, makeNotice, type StoredNotice, takeNotices } from "./stored-notices.ts";
export { badValue, booleanValue, integerValue, lastValue, parseBoolean } from "./config-values.ts";
export { createConfig, type RepositoryConfig } from "./config.ts";
export { gatherRefs, type RefLookup } from "./gather-refs.ts";
export { type HeldRefs, holdRefs } from "./held-refs.ts";
export { compareNames, lowerBound } from "./name-order.ts";
export {
  checkRefName,
  expandRefName,
  findDirectoryConflict,
  isUpdatableRef,
  type RefNameOptions,
  type RefNames,
  refParents,
} from "./ref-name.ts";
export { refRanges } from "./ref-prefixes.ts";
export {
  badSymref,
  NO_WORK_TREE,
  planRefs,
  type RefPlan,
  type RefTable,
  refuse,
  refuseDirectory,
  refuseElsewhere,
  refuseOld,
  refuseRelated,
  type RelatedUpdate,
  resolveRefName,
  screenUpdates,
  type StoredRef,
  SYMREF_DEPTH,
} from "./ref-plan.ts";
export { openPackedRefs, type PackedRef, type PackedRefs, type PackedRefsWalk } from "./packed-refs.ts";
export { encodePackedRefs } from "./packed-refs-encode.ts";
export { parseConfig } from "./layout/parse-config.ts";
export { encodeConfig } from "./layout/encode-config.ts";
export { readRepositoryFormat, type RepositoryFormat } from "./layout/repository-format.ts";
export { encodeLooseRef, parseLooseRef, type RawRef, symbolicRef } from "./layout/loose-ref.ts";
export { inflateLoose, LOOSE_HEAD_BYTES, type LooseHeader, parseLooseHeader } from "./layout/loose-object.ts";
export { encodeShallow, parseShallow } from "./layout/shallow-roots.ts";
export { checkRepositoryName, isRepositoryName } from "./repository-name.ts";
export { eachRef, flattenBatches } from "./batches.ts";
export { countRefs, isRefLines, type RefBatch, type RefLines, refsOf } from "./ref-lines.ts";
export { createStorageSpans, type PackLanding, type StorageSpans } from "./spans.ts";
export { createMemoryStorage } from "./memory/memory-storage.ts";
