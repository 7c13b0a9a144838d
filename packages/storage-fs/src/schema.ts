import { z } from "zod";

/** When what a commit writes must be on the disk. `batch`: once a commit, before its refs move; `off`: when the system likes. */
export type FsyncMode = "batch" | "off";
export const FsyncMode: z.ZodType<FsyncMode> = z.enum(["batch", "off"]);

/** How a repository is written; all of it has defaults. */
export interface FsRepositoryOptions {
  /** How long a commit waits for a ref's lock, in milliseconds. Default 5,000. */
  readonly lockTimeoutMs?: number | undefined;
  /** How long it waits for the lock on `packed-refs`, which deletions take, in milliseconds. Default 10,000. */
  readonly packedRefsTimeoutMs?: number | undefined;
  /** Default `batch`. */
  readonly fsync?: FsyncMode | undefined;
}

/** Where repositories lie and how they are written. */
export interface FsStorageOptions extends FsRepositoryOptions {
  /** The directory whose repositories are served; made where it is missing. `/` serves any path. */
  readonly root: string;
  /** Age from which a draft that no commit completed is taken for abandoned, in milliseconds. Default 6 hours. */
  readonly draftGraceMs?: number | undefined;
}

const repositoryFields = {
  lockTimeoutMs: z.number().int().nonnegative().optional(),
  packedRefsTimeoutMs: z.number().int().nonnegative().optional(),
  fsync: FsyncMode.optional(),
};
export const FsRepositoryOptions: z.ZodType<FsRepositoryOptions> = z.object(repositoryFields);
export const FsStorageOptions: z.ZodType<FsStorageOptions> = z.object({
  ...repositoryFields,
  root: z.string().min(1),
  draftGraceMs: z.number().int().positive().optional(),
});
