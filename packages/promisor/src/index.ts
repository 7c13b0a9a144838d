/** A lazy object store: objects of a git repository somewhere else, fetched when they are first needed. */
export { PromisorError, type PromisorErrorCode, type PromisorErrorDetail } from "./errors.ts";
export { createPromisor, type Promisor, type Resolution, type ResolveOptions } from "./promisor.ts";
export {
  type OverfullPolicy,
  PromisorOptions,
  SharedPromisorOptions,
  SourceLimits,
} from "./schema.ts";
export { SharedPromisor } from "./shared-promisor.ts";
export { restore, snapshot } from "./snapshot.ts";
export type { FetchedObject, FetchOptions, GitObject, ObjectSource } from "./source/object-source.ts";
export { openRemoteSource } from "./source/remote-source.ts";
