import { z } from "zod";

/** How strictly pushed objects are checked. */
export type FsckLevel = "error" | "warn" | "ignore";
export const FsckLevel: z.ZodType<FsckLevel> = z.enum(["error", "warn", "ignore"]);

/** What a repository demands of a push. */
export interface ReceivePolicy {
  /** Bytes of one pack; a larger one is refused while it arrives. Default: no bound. */
  readonly maxPackBytes?: number | undefined;
  /** Check the content of pushed objects. Default `true`. */
  readonly fsck?: boolean | undefined;
  /** Levels by fsck message id, over the defaults (see `defaultFsckLevels`). */
  readonly fsckLevels?: Readonly<Record<string, FsckLevel>> | undefined;
  /** Refuse objects that were made to have the same SHA-1 as others. Default `true`, as in git. */
  readonly detectCollisions?: boolean | undefined;
}
export const ReceivePolicy: z.ZodType<ReceivePolicy> = z.object({
  maxPackBytes: z.number().int().positive().optional(),
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
