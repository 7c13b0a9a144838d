import type { FsckFinding } from "../fsck/finding.ts";
import type { LinkFragment } from "../graph/link-fragment.ts";
import type { EntryColumns } from "../receive/entry-table.ts";
import type { Families } from "../receive/families.ts";
import type { ResolveBounds } from "../receive/resolve-bounds.ts";
import type { DeltaBatch } from "../repack/found-deltas.ts";
import type { PartsRequest } from "../repack/search-parts.ts";
import type { ObjectFormat, ObjectType, Oid } from "../schema.ts";

/** Work on the families of one pack, which several threads may be asked for; they share all arrays. */
export interface ResolveRequest {
  readonly kind: "resolve";
  readonly format: ObjectFormat;
  /** The open file that holds the pack; it stays open until the work is done. */
  readonly fd: number;
  readonly columns: EntryColumns;
  readonly families: Families;
  readonly slabs: readonly Uint8Array[];
  /**
   * [0]: the next of `families.roots` that nobody works on; [1]: deltas resolved so far; [2]: not 0 says stop; [3]: the
   * next entry to be measured.
   */
  readonly shared: Int32Array;
  /** Whether objects are hashed; else their ids are known. */
  readonly withHashes: boolean;
  /**
   * Of a stored pack: objects that are no deltas have their links gathered, too, and blobs that are deltas are measured.
   */
  readonly isStored: boolean;
  readonly detectCollisions: boolean;
  readonly withChecks: boolean;
  readonly withLinks: boolean;
  readonly bounds: ResolveBounds;
  readonly budgetBytes: number;
}

/** Search for the deltas of a pack to be made, which several threads may be asked for. */
export interface DeltasRequest extends PartsRequest {
  readonly kind: "deltas";
  /** Open files that hold the packs, which stay open until the work is done, with their index files. */
  readonly packs: readonly { readonly fd: number; readonly sizeBytes: number; readonly idx: Uint8Array }[];
}

export type WorkerRequest = ResolveRequest | DeltasRequest;

/** Places in `ResolveRequest.shared`. */
export const NEXT_ROOT = 0;
export const RESOLVED = 1;
export const STOP = 2;
export const NEXT_MEASURED = 3;
/** Elements of `ResolveRequest.shared`. */
export const SHARED_LENGTH = 4;

/** What a worker tells while it works, and how it ends. */
export type WorkerAnswer =
  | { readonly kind: "links"; readonly fragment: LinkFragment }
  | {
      readonly kind: "findings";
      readonly type: ObjectType;
      readonly oid: Uint8Array;
      readonly findings: readonly FsckFinding[];
    }
  /** Blobs that trees name and git itself reads. */
  | { readonly kind: "special"; readonly gitmodules: readonly Oid[]; readonly gitattributes: readonly Oid[] }
  | { readonly kind: "deltas"; readonly batch: DeltaBatch }
  | { readonly kind: "done" }
  | {
      readonly kind: "failed";
      readonly code: string | undefined;
      readonly message: string;
      readonly offset: number | undefined;
      readonly oid: string | undefined;
    };
