import type { Oid } from "@millrace/pack";
import type { FileIdentity } from "../cache/verified-files.ts";
import type { PrefetchedFile } from "../hydrator/blobs.ts";
import type { TreeAhead } from "./tree-walk.ts";

/** What the view's thread asks of the main thread. Those with an `id` are answered. */
export type ToSource =
  | { readonly ask: "tree"; readonly id: number; readonly oid: Oid }
  | { readonly ask: "open"; readonly id: number; readonly oid: Oid; readonly priority: number }
  /** Waits until the beginning of the blob that `open` number `blob` has opened can be read. */
  | { readonly ask: "readable"; readonly id: number; readonly blob: number; readonly endBytes: number }
  /** Waits until git works in the mount. */
  | { readonly ask: "git"; readonly id: number }
  /** Waits until it is known which blobs belong to the mounted commit. */
  | { readonly ask: "promised"; readonly id: number }
  | { readonly ask: "sizes"; readonly id: number; readonly oids: readonly Oid[] }
  /** Whoever asked `id` does not wait any more. */
  | { readonly ask: "leave"; readonly id: number }
  | { readonly ask: "release"; readonly blob: number }
  | { readonly ask: "prefetch"; readonly files: readonly PrefetchedFile[] }
  /** These were opened without asking. */
  | { readonly ask: "opened"; readonly oids: readonly Oid[] };

/** A blob that is open: its descriptor is good in every thread of the process. */
export interface OpenedBlob {
  readonly fd: number;
  readonly sizeBytes: number;
  /** Not all of it is there yet. */
  readonly isArriving: boolean;
}

/** Files of the cache that may be opened without asking, as long as they are in the state that was verified. */
export interface VerifiedBlobs {
  readonly folder: string;
  readonly files: readonly (FileIdentity & { readonly oid: Oid })[];
}

/** An answer: what was asked for, or what was thrown; or what nobody has asked for. */
export type FromSource =
  /** Before the answer to whom it is sent for. */
  | { readonly ahead: readonly TreeAhead[] }
  | { readonly id: number; readonly value: unknown }
  | { readonly id: number; readonly error: { readonly message: string; readonly code: string | undefined } }
  | { readonly verified: VerifiedBlobs };
