import { z } from "zod";

/** How strictly pushed objects are checked. */
export type FsckLevel = "error" | "warn" | "ignore";
export const FsckLevel: z.ZodType<FsckLevel> = z.enum(["error", "warn", "ignore"]);

/** What a repository demands of a push. */
export interface ReceivePolicy {
  /** Bytes of one pack; a larger one is refused while it arrives. Default: no bound. */
  readonly maxPackBytes?: number | undefined;
  /** Inflated bytes of one object. Default: no bound, as large blobs pass in pieces. */
  readonly maxObjectBytes?: number | undefined;
  /**
   * Inflated bytes of what is held whole to resolve deltas: a delta, its base, its result. git makes none of blobs from
   * `core.bigFileThreshold` on, which is 512 MiB, and up to there it does: a lower bound refuses what plain git pushes, unless
   * the client sets a lower threshold, too. Of larger objects than 32 MiB a process holds those of one push and one
   * thread at a time, so a GiB in all, and up to three where the base is one that the repository has. Default 512 MiB.
   */
  readonly maxDeltaBytes?: number | undefined;
  /** Inflated bytes of one commit, tree or tag, which each push holds whole; a tree of this size has some million names. Default 128 MiB. */
  readonly maxMetadataBytes?: number | undefined;
  /**
   * Inflated bytes of all that the deltas of one pack make, together: what a small pack may cost in time; git has no such
   * bound. Default 64 GiB, or 64 KiB for each byte of the pack where that is more, which real histories do not reach.
   */
  readonly maxMadeBytes?: number | undefined;
  /** Deltas on each other in one pack. Default 4095, as deep as git packs. */
  readonly maxDeltaDepth?: number | undefined;
  /** Check the content of pushed objects. Default `true`. */
  readonly fsck?: boolean | undefined;
  /** Levels by fsck message id, over the defaults (see `defaultFsckLevels`). */
  readonly fsckLevels?: Readonly<Record<string, FsckLevel>> | undefined;
  /** Refuse objects that were made to have the same SHA-1 as others. Default `true`, as in git. */
  readonly detectCollisions?: boolean | undefined;
}
export const ReceivePolicy: z.ZodType<ReceivePolicy> = z.object({
  maxPackBytes: z.number().int().positive().optional(),
  maxObjectBytes: z.number().int().positive().optional(),
  maxDeltaBytes: z.number().int().positive().optional(),
  maxMetadataBytes: z.number().int().positive().optional(),
  maxMadeBytes: z.number().int().positive().optional(),
  maxDeltaDepth: z.number().int().positive().optional(),
  fsck: z.boolean().optional(),
  fsckLevels: z.record(z.string(), FsckLevel).optional(),
  detectCollisions: z.boolean().optional(),
});

/** Memory that all repositories of a process share. */
export interface CacheOptions {
  /** Inflated delta bases. Default 64 MiB. */
  readonly baseBytes?: number | undefined;
  /** Blocks of stored packs. Default 32 MiB. */
  readonly blockBytes?: number | undefined;
  /** Entries of packs made anew for shallow and partial clones, deflated. Default 32 MiB. */
  readonly entryBytes?: number | undefined;
  /** Graphs of packs; a larger one is not used. Default 64 MiB. */
  readonly graphBytes?: number | undefined;
}
export const CacheOptions: z.ZodType<CacheOptions> = z.object({
  baseBytes: z.number().int().nonnegative().optional(),
  blockBytes: z.number().int().nonnegative().optional(),
  entryBytes: z.number().int().nonnegative().optional(),
  graphBytes: z.number().int().nonnegative().optional(),
});

/** How a repository is tidied up. */
export interface MaintainOptions {
  /** Put all that is reached into one pack, whether that is due or not. Default `false`. */
  readonly full?: boolean | undefined;
  /**
   * Put only those packs together that are a promisor's (partial clones), where many fetches have left many. They become
   * another such pack; nothing is looked at for who reaches it. Default `false`: all others.
   */
  readonly promised?: boolean | undefined;
  /** Only tell what would be done. Default `false`. */
  readonly dryRun?: boolean | undefined;
  /** Objects that nobody reaches stay for so long after they were last needed, in milliseconds. Default 14 days. */
  readonly graceMs?: number | undefined;
  /** Each pack is to have at least so many times the objects of all smaller ones. Default 2. */
  readonly factor?: number | undefined;
  /** Stored deltas stay; else all are looked for anew. Default `true`. */
  readonly reuseDeltas?: boolean | undefined;
  /** Objects that each one is compared with (`pack.window`). Default 10. */
  readonly window?: number | undefined;
  /** Longest chain of deltas (`pack.depth`). Default 50. */
  readonly depth?: number | undefined;
}
export const MaintainOptions: z.ZodType<MaintainOptions> = z.object({
  full: z.boolean().optional(),
  promised: z.boolean().optional(),
  dryRun: z.boolean().optional(),
  graceMs: z.number().nonnegative().optional(),
  factor: z.number().min(1).optional(),
  reuseDeltas: z.boolean().optional(),
  window: z.number().int().nonnegative().max(1000).optional(),
  depth: z.number().int().nonnegative().max(4095).optional(),
});
