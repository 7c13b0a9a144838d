import { z } from "zod";

/** A repository's hash function (`extensions.objectFormat`, gitrepository-layout). */
export type ObjectFormat = "sha1" | "sha256";
export const ObjectFormat: z.ZodType<ObjectFormat> = z.enum(["sha1", "sha256"]);

/** The four kinds of object that have an id of their own. */
export type ObjectType = "commit" | "tree" | "blob" | "tag";
export const ObjectType: z.ZodType<ObjectType> = z.enum(["commit", "tree", "blob", "tag"]);

/** An object id in lower-case hex: 40 digits for sha1, 64 for sha256. */
export type Oid = string;
export const Oid: z.ZodType<Oid> = z.string().regex(/^(?:[0-9a-f]{40}|[0-9a-f]{64})$/, "not an object id");

/** What one pack may cost its receiver; every bound answers with `PACK_LIMIT_EXCEEDED`. */
export interface PackLimits {
  /** Bytes of the pack as received. Default: no bound. */
  readonly maxPackBytes?: number | undefined;
  /** Objects its header may announce. Default 50,000,000. */
  readonly maxObjectCount?: number | undefined;
  /** Inflated size of one object. Default: no bound, blobs are streamed. */
  readonly maxObjectBytes?: number | undefined;
  /** Inflated size of what is held in memory: a delta, its base, its result; a commit, tree or tag. Default 512 MiB. */
  readonly maxDeltaBytes?: number | undefined;
  /** Inflated size of one commit, tree or tag, however it is stored. Default: `maxDeltaBytes`. */
  readonly maxMetadataBytes?: number | undefined;
  /**
   * Inflated size of all that the deltas of the pack make, together: what it may cost in time. Default 64 GiB, or 64 KiB for
   * each byte of the pack where that is more.
   */
  readonly maxMadeBytes?: number | undefined;
  /** Deltas between an object and one that is stored whole. Default: no bound, as git has none. */
  readonly maxDeltaDepth?: number | undefined;
}
export const PackLimits: z.ZodType<PackLimits> = z.object({
  maxPackBytes: z.number().int().positive().optional(),
  maxObjectCount: z.number().int().positive().optional(),
  maxObjectBytes: z.number().int().positive().optional(),
  maxDeltaBytes: z.number().int().positive().optional(),
  maxMetadataBytes: z.number().int().positive().optional(),
  maxMadeBytes: z.number().int().positive().optional(),
  maxDeltaDepth: z.number().int().positive().optional(),
});
