import type { Oid, OperationOptions } from "@millrace/pack";
import type { Snapshot } from "./contract.ts";

export interface MaintenanceOptions {
  /** Only to look: nothing is locked, and others may be at work. Default `false`. */
  readonly dryRun?: boolean | undefined;
}

/** What a repository stores, for whoever tidies it up; disposing it lets the next one begin. */
export interface Maintenance extends AsyncDisposable {
  /** When it began, by the store's clock, in milliseconds since 1970. */
  readonly startedMs: number;
  /**
   * Whether objects that nobody reaches may ever be dropped. Not where others may need them: working trees with their
   * indexes, `extensions.preciousObjects`, partial clones.
   */
  readonly mayDrop: boolean;
  packs(options?: OperationOptions): Promise<readonly MaintainedPack[]>;
  /** The repository's own loose objects (capability `looseObjects`). */
  loose(options?: OperationOptions): AsyncIterable<MaintainedObject>;
  /** Objects that are to stay though no ref names them: what reflogs say. They may be missing, or come twice. */
  moreTips(options?: OperationOptions): AsyncIterable<Oid>;
}

/** A pack as maintenance sees it. */
export interface MaintainedPack {
  readonly id: string;
  /** When it landed, or was last found useful, by the store's clock. */
  readonly modifiedMs: number;
  /** Not to be touched: it is kept on purpose (`.keep`) or borrowed. */
  readonly stays: boolean;
  /** It was added as `promised`, and goes only with a commit that is so too (capability `partialClones`). */
  readonly isPromised?: boolean | undefined;
  /** It is another repository's. */
  readonly isBorrowed: boolean;
  /** It holds what nobody reaches, and has the sidecar `mtimes`. */
  readonly isCruft: boolean;
}

export interface SweepOptions extends MaintenanceOptions {
  /** Only what this repository has put aside. Default: all that no repository needs. */
  readonly repository?: string | undefined;
}

/** What is deleted, or in a dry run would be. */
export interface SweepReport {
  /** Files that commits had put aside, and whose grace time is over. */
  readonly removedCount: number;
  readonly removedBytes: number;
  /** Files that no repository names: somebody was killed before a commit, or a repository is gone. */
  readonly orphanCount: number;
  readonly orphanBytes: number;
  /** Uploads that nobody will finish. */
  readonly uploadCount: number;
}

/** A loose object as maintenance sees it. */
export interface MaintainedObject {
  readonly oid: Oid;
  readonly modifiedMs: number;
}

/** Packs and loose objects that nobody needs any more. */
export interface Removal {
  /** Ids. What is not there or not to be touched stays, so do promised packs in a commit of others, and so may what was found useful since the maintenance began. */
  readonly packs: readonly string[];
  /** The repository's own loose objects. */
  readonly loose?: readonly Oid[] | undefined;
  /** Objects go that are nowhere else. Default `false`. */
  readonly isLossy?: boolean | undefined;
  /**
   * Asked on the newest view right before anything goes, since refs may have moved: `false` keeps all of it. What the
   * commit adds may have landed by then. It may be asked more than once.
   */
  readonly confirm?: ((view: Snapshot) => Promise<boolean>) | undefined;
}
