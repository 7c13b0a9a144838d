import { z } from "zod";

/** Options of the memory file system. */
export interface MemoryOptions {
  /** What the files' contents may take. Default 1 GiB. */
  readonly maxBytes?: number | undefined;
  /** How many files, directories and links there may be. Default 1,000,000. */
  readonly maxNodes?: number | undefined;
  /** Permissions of the root. Default 0o755. */
  readonly rootMode?: number | undefined;
  /** Owner and group of the root. Default 0. */
  readonly uid?: number | undefined;
  readonly gid?: number | undefined;
}
export const MemoryOptions: z.ZodType<MemoryOptions> = z.object({
  maxBytes: z.number().int().min(0).optional(),
  maxNodes: z.number().int().min(1).optional(),
  rootMode: z.number().int().min(0).max(0o7777).optional(),
  uid: z.number().int().min(0).max(0xffffffff).optional(),
  gid: z.number().int().min(0).max(0xffffffff).optional(),
});
