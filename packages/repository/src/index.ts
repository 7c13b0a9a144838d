/** The engine above a storage backend: object reads, enumeration, ref rules and the receive pipeline. */
export { RepositoryError, type RepositoryErrorCode, type RepositoryErrorDetail } from "./errors.ts";
export type { PackProgress, PackRequest } from "./fetch/create-pack.ts";
export { type FilterPlan, planFilter } from "./filter/filter-plan.ts";
export { compileGlob, type Glob } from "./filter/glob.ts";
export { parseSparsePatterns, type SparsePatterns } from "./filter/sparse-patterns.ts";
export type { ObjectInfo, ObjectReader, ObjectView } from "./objects/object-view.ts";
export type { ObjectCaches } from "./objects/pack-set.ts";
export type { MaintainRequest, MaintenanceReport } from "./maintenance/maintain.ts";
export {
  type MaintenancePlan,
  type PlanInput,
  type PlannedPack,
  planMaintenance,
} from "./maintenance/plan.ts";
export { defaultFsckLevels } from "./receive/fsck-pass.ts";
export type { RefCommand } from "./receive/command-rules.ts";
export type { ReceiveProgress } from "./receive/quarantine.ts";
export {
  type OnReceived,
  type ReceivedPush,
  type ReceivedRef,
  takeUntold,
  type UntoldPush,
} from "./receive/received-push.ts";
export type { ReceiveReport, ReceiveRequest } from "./receive/receive.ts";
export type { Receiver } from "./receiver.ts";
export type { ListRefsOptions, ListedBatch, ListedRef } from "./refs/list-refs.ts";
export {
  type ReceiverOptions,
  type Repository,
  type RepositoryOptions,
  createObjectCaches,
  openRepository,
} from "./repository.ts";
export type { RepositoryView } from "./repository-view.ts";
export { CacheOptions, FsckLevel, MaintainOptions, ReceivePolicy } from "./schema.ts";
export type { DeepenRequest, ShallowUpdate } from "./shallow/deepen.ts";
export { type EnumerateOptions, type ObjectSelection, enumerateObjects } from "./walk/enumerate.ts";
export type { NumberList } from "./walk/selecting.ts";
