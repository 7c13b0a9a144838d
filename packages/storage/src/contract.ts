import type { ObjectFormat, ObjectType, Oid, OperationOptions, PackSink, RandomAccess } from "@millrace/pack";
import type { RepositoryConfig } from "./config.ts";
import type { Maintenance, MaintenanceOptions, Removal, SweepOptions, SweepReport } from "./maintenance.ts";
import type { Outbox } from "./outbox.ts";
import type { RefBatch } from "./ref-lines.ts";
import type { CreateOptions, ListOptions, StorageCapabilities } from "./schema.ts";

/** Many repositories under one root, by name. */
export interface Storage extends AsyncDisposable {
  /** Short name of the implementation, as telemetry reports it: `fs`, `memory`, `s3`. */
  readonly backend: string;
  readonly capabilities: StorageCapabilities;
  /** Throws `STORAGE_NOT_FOUND`, `STORAGE_BAD_NAME`, `STORAGE_CORRUPT`. */
  open(name: string, options?: OperationOptions): Promise<RepositoryStore>;
  /**
   * Makes an empty repository. With `onFirstCommit` nothing can be seen of it before its first
   * successful commit; if another writer has made it meanwhile, that commit goes into theirs.
   * Throws `STORAGE_EXISTS`, `STORAGE_BAD_NAME`.
   */
  create(name: string, options?: CreateOptions & OperationOptions): Promise<RepositoryStore>;
  /** Names in byte order. */
  list(options?: ListOptions & OperationOptions): AsyncIterable<string>;
  /** Throws `STORAGE_NOT_FOUND`. */
  remove(name: string, options?: OperationOptions): Promise<void>;
  /**
   * Deletes what nothing needs any more, when its grace time is over. It may run at any time, wherever and however often.
   * Absent in backends that leave nothing behind. Throws `STORAGE_CORRUPT` where it cannot tell what is needed.
   */
  sweep?(options?: SweepOptions & OperationOptions): Promise<SweepReport>;
}

/** One repository: read it through snapshots, change it through stages and commits. */
export interface RepositoryStore extends AsyncDisposable {
  readonly name: string;
  readonly backend: string;
  readonly capabilities: StorageCapabilities;
  readonly objectFormat: ObjectFormat;
  /**
   * A view to read from. With `consistentSnapshot` it is one instant; else refs are read before
   * packs, so that every ref's objects are there.
   */
  snapshot(options?: SnapshotOptions): Promise<Snapshot>;
  /** Opens a quarantined upload. Nothing staged is visible to anyone before its commit. */
  stage(options?: OperationOptions): Promise<Stage>;
  /**
   * Makes staged packs visible and moves refs by compare-and-swap, in one step where the backend can.
   * A refused ref is an outcome, not an exception; packs land only if at least one ref moved (or none was asked for).
   * Throws `STORAGE_STAGE_EXPIRED`, `STORAGE_OUTCOME_UNKNOWN`, `STORAGE_IO`.
   */
  commit(request: CommitRequest, options?: OperationOptions): Promise<CommitResult>;
  /**
   * Begins to tidy up: one at a time for each repository, whoever does it. Absent in backends that tidy up by themselves.
   * Throws `STORAGE_BUSY` where somebody is at it.
   */
  beginMaintenance?(options?: MaintenanceOptions & OperationOptions): Promise<Maintenance>;
  /** What commits have left to be told (capability `outbox`), else `undefined`. */
  readonly outbox?: Outbox | undefined;
}

export interface SnapshotOptions extends OperationOptions {
  /**
   * A view that this process had before will do, for who wants to know what hardly changes: a backend that would have
   * to ask somebody need not. Default `false`.
   */
  readonly mayBeOld?: boolean | undefined;
}

/** What HEAD says: the ref it names and, where that ref exists (or HEAD is detached), the commit. */
export interface Head {
  readonly symref?: string | undefined;
  readonly oid?: Oid | undefined;
}

/** One ref, resolved. */
export interface Ref {
  readonly name: string;
  readonly oid: Oid;
  /** The ref this one points to, where it is symbolic. */
  readonly symref?: string | undefined;
  /** What an annotated tag finally points to; `null`: not a tag; `undefined`: not known without reading the object. */
  readonly peeled?: Oid | null | undefined;
}

export interface RefQuery extends OperationOptions {
  /** Only refs whose full name starts with one of these; absent means all. Drives the read: a backend scans ranges. */
  readonly prefixes?: readonly string[] | undefined;
}

/** A view of one repository. */
export interface Snapshot extends AsyncDisposable {
  /** Equal tokens mean equal views. */
  readonly token: string;
  readonly objectFormat: ObjectFormat;
  head(options?: OperationOptions): Promise<Head>;
  /** Refs under `refs/`, in byte order of their names, without those that are broken or dangling. HEAD is not among them. */
  refs(query?: RefQuery): AsyncIterable<Ref>;
  /** The same in batches, for who tells many: some backends have them as lines already. */
  refBatches(query?: RefQuery): AsyncIterable<RefBatch>;
  /** One ref by its full name. */
  ref(name: string, options?: OperationOptions): Promise<Ref | undefined>;
  /**
   * The packs, newest first. With `reload` a backend without `consistentSnapshot` looks again (an object that was
   * missed may have been repacked meanwhile).
   */
  packs(options?: OperationOptions & { readonly reload?: boolean | undefined }): Promise<readonly PackInfo[]>;
  /** Opens one pack; the handle stays readable when the pack is removed meanwhile. Throws `STORAGE_NOT_FOUND`. */
  openPack(id: string, options?: OperationOptions): Promise<PackHandle>;
  /** A loose object (capability `looseObjects`), else `undefined`. */
  openLoose(oid: Oid, options?: OperationOptions): Promise<LooseObject | undefined>;
  /** All loose object ids, in no order (capability `looseObjects`), else nothing. */
  listLoose(options?: OperationOptions): AsyncIterable<Oid>;
  /** Commits whose parents this repository does not have. */
  shallow(options?: OperationOptions): Promise<readonly Oid[]>;
  /** The repository's own settings, in the order of their lines. */
  config(options?: OperationOptions): Promise<RepositoryConfig>;
  /**
   * The content of a file that a setting names, by its path as git-config has paths; `undefined` where it cannot be read.
   * Absent in backends that have no files.
   */
  configuredFile?(path: string, options?: OperationOptions): Promise<Uint8Array | undefined>;
  /** Tips of the repositories that objects are borrowed from (capability `alternates`). */
  alternateTips(options?: OperationOptions): AsyncIterable<Oid>;
  /**
   * Full names of the branches that a working tree has checked out, the main one or a linked one; a push into one of
   * them would leave that tree behind. Absent in backends that have no working trees.
   */
  checkedOut?(options?: OperationOptions): Promise<readonly string[]>;
  /**
   * What git has noted of commits beside the objects (gitformat-commit-graph), as it is now; `undefined` where there is
   * nothing or git itself would pass it over. Absent in backends that git does not work on.
   */
  commitGraph?(options?: OperationOptions): Promise<StoredCommitGraph | undefined>;
}

/** A commit-graph as it is stored: one file, or the layers of a split one. */
export interface StoredCommitGraph {
  /** Another one where another file has been written. */
  readonly version: string;
  /** Of all its files. */
  readonly sizeBytes: number;
  /**
   * The files, whole, the lowest layer first, and unchecked; they are the caller's. Ends below one that git has removed or
   * written anew meanwhile.
   */
  read(options?: OperationOptions): Promise<readonly Uint8Array[]>;
}

export interface PackInfo {
  /** The pack's trailing checksum in hex. */
  readonly id: string;
  readonly sizeBytes: number;
}

/**
 * Files that belong to a pack. All but `mtimes` can be made again from it: that one says since when each object has been
 * unreachable (gitformat-pack, "cruft packs").
 */
export type SidecarKind = "idx" | "rev" | "graph" | "mtimes";

/** An open pack. Disposing it releases the handle. */
export interface PackHandle extends RandomAccess, AsyncDisposable {
  readonly id: string;
  /** A file beside the pack, whole, `bitmap` being one that git made; `undefined` where there is none. */
  sidecar(kind: SidecarKind | "bitmap", options?: OperationOptions): Promise<Uint8Array | undefined>;
  /**
   * The pack in an open file of this machine, for who reads most of it and in no order. Who asks disposes it, after which
   * nothing is left of it. Absent where the pack itself is such a file.
   */
  copyToDisk?(options?: OperationOptions): Promise<RandomAccess & AsyncDisposable>;
  /**
   * Keeps a file that was made for this pack after it had landed, so that `sidecar` finds it, as long as the backend
   * likes. Absent in backends that have no place for such.
   */
  keepSidecar?(kind: "graph" | "rev", bytes: Uint8Array, options?: OperationOptions): Promise<void>;
}

/** A loose object; its content is read on demand. */
export interface LooseObject {
  readonly type: ObjectType;
  /** Inflated size of the content. */
  readonly sizeBytes: number;
  /** The content. Throws `STORAGE_CORRUPT` where it is damaged or of another length. */
  stream(options?: OperationOptions): AsyncIterable<Uint8Array>;
}

/**
 * A pack on its way in. Bytes are written as received, the 12 header bytes included and the trailer not;
 * `seal` puts the final header over the first 12 bytes and the trailer behind the last.
 * Disposing a stage that was not committed discards it.
 */
export interface Stage extends PackSink, AsyncDisposable {
  /** Bytes written so far. */
  readonly sizeBytes: number;
  /** Where the staged pack lies on a disk, for hooks that need one. */
  readonly path?: string | undefined;
  /** Keeps a file that belongs to the pack, given whole or in pieces; a backend that does not want it asks for none. */
  sidecar(kind: SidecarKind, content: Uint8Array | Iterable<Uint8Array>): Promise<void>;
  seal(ends: PackEnds): Promise<PackInfo>;
  discard(): Promise<void>;
}

/** The first 12 bytes of a finished pack and its trailing checksum. */
export interface PackEnds {
  readonly header: Uint8Array;
  readonly trailer: Uint8Array;
}

export interface RefUpdate {
  readonly name: string;
  /** What the ref must be now: `null`, absent; `undefined`, anything. */
  readonly old?: Oid | null | undefined;
  /** What it becomes; `null` deletes it. */
  readonly new: Oid | null;
  /**
   * What `new` peels to, as `Ref` has it, from who has looked at the object: backends that can keep it tell it with the ref
   * from then on, and those that see objects for themselves need it not.
   */
  readonly peeled?: Oid | null | undefined;
  /**
   * Have the working tree that has this branch checked out follow, right before the ref moves. Where it cannot, and in
   * backends without working trees, the ref is refused as `REF_DENIED`, with git's words as the message.
   */
  readonly updateWorkTree?: boolean | undefined;
}

export interface SymrefUpdate {
  readonly name: string;
  readonly target: string;
}

/** Why a ref did not move. */
export type RefRejectionCode =
  /** It is no longer what `old` says. */
  | "REF_CONFLICT"
  /** git check-ref-format refuses the name. */
  | "REF_NAME_INVALID"
  /** `a` and `a/b` cannot both exist. */
  | "REF_DIRECTORY_CONFLICT"
  /** Another writer holds its lock and did not let go in time. */
  | "REF_LOCKED"
  /** `check` refused it. */
  | "REF_DENIED"
  /** Another ref of an atomic commit was refused. */
  | "REF_ATOMIC_ABORTED"
  /** The view has lost objects since connectivity was proved: prove it again and commit again, the stages are intact. */
  | "REVALIDATE";

export interface RefRejection {
  readonly name: string;
  readonly code: RefRejectionCode;
  readonly message: string;
  /** Lines that tell the user more. */
  readonly details?: readonly string[] | undefined;
}

export interface CommitRequest {
  /** Sealed stages of this store. */
  readonly add?: readonly Stage[] | undefined;
  readonly refs?: readonly RefUpdate[] | undefined;
  /** Symbolic refs to set with the first ref that moves, such as HEAD of a new repository. */
  readonly symrefs?: readonly SymrefUpdate[] | undefined;
  /**
   * Commits whose parents do not come with them: they join the repository's shallow roots with the first ref that moves,
   * and no reader sees that ref without them (gitglossary, "shallow repository").
   */
  readonly shallow?: readonly Oid[] | undefined;
  /** Shallow roots whose parents are here now or come with this commit; they are roots no longer (capability `partialClones`). */
  readonly unshallow?: readonly Oid[] | undefined;
  /**
   * What is added comes from a remote repository that has the rest: objects that it refers to may be missing here, and what it
   * holds can be fetched again (gitglossary, "promisor"; capability `partialClones`).
   */
  readonly promised?: boolean | undefined;
  /**
   * The token of the snapshot on which everything that `refs` reach was found to be there. Where objects have been dropped
   * since, the refs are refused as `REVALIDATE`. Only backends with `consistentSnapshot` can tell.
   */
  readonly provedOn?: string | undefined;
  /** What goes once everything else is done. Only while a `Maintenance` of this repository lasts, and without `refs`. */
  readonly remove?: Removal | undefined;
  /** All refs or none. */
  readonly atomic?: boolean | undefined;
  /** Who commits, as a reflog names them: `Name <mail>`. */
  readonly identity?: string | undefined;
  /** The reflog's message. */
  readonly message?: string | undefined;
  /**
   * A pure function that is run against each newest view the backend is about to commit on; it answers the refs
   * it refuses. It may run more than once.
   */
  readonly check?: ((view: Snapshot) => Promise<readonly RefRejection[]>) | undefined;
  /**
   * Makes a notice of the refs that move, for the outbox: it is there as soon as they have moved, and with nothing else.
   * Up to 64 KiB. May run more than once. Backends without the capability `outbox` do not run it.
   */
  readonly notice?: ((moved: readonly RefUpdate[]) => string) | undefined;
}

export interface CommitResult {
  /** One outcome for each ref asked for, in that order: `undefined` means it moved. */
  readonly refs: readonly (RefRejection | undefined)[];
  /** Whether anything was changed. */
  readonly committed: boolean;
  /** Ids of the packs that are gone, of those that `remove` names. */
  readonly removed?: readonly string[] | undefined;
  /** The notice that waits in the outbox; it is the committer's to tell and to settle. */
  readonly noticeId?: string | undefined;
}
