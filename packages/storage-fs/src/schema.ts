import type { Oid, OperationOptions } from "@millrace/pack";
import { z } from "zod";

/** When what a commit writes must be on the disk. `batch`: once a commit, before its refs move; `off`: when the system likes. */
export type FsyncMode = "batch" | "off";
export const FsyncMode: z.ZodType<FsyncMode> = z.enum(["batch", "off"]);

/** How a repository keeps its refs: a file for each and `packed-refs`, or a stack of tables (git-init, `--ref-format`). */
export type RefFormat = "files" | "reftable";
export const RefFormat: z.ZodType<RefFormat> = z.enum(["files", "reftable"]);

/** A working tree that is about to follow its branch. */
export interface WorkTreeUpdate extends OperationOptions {
  /** The git directory that belongs to it: `.git`, or one of its `worktrees`. */
  readonly gitDir: string;
  /** Where its files lie. */
  readonly path: string;
  /** What the branch becomes; zeros where it is deleted. */
  readonly commit: Oid;
  /** HEAD has no commit yet. */
  readonly isUnborn: boolean;
  /** Object directories besides the repository's own, in which the commit's objects may lie. */
  readonly objectDirectories: readonly string[];
}

/** Why a working tree could not follow. */
export interface WorkTreeRefusal {
  /** git's words. */
  readonly reason: string;
  /** Lines that tell the user more. */
  readonly details?: readonly string[] | undefined;
}

/** Brings a working tree to a commit, if nothing in it would be lost; `undefined` where it has. Its branch moves afterwards. */
export type UpdateWorkTree = (update: WorkTreeUpdate) => Promise<WorkTreeRefusal | undefined>;

/** How repositories are written; all of it has defaults. */
export interface FsWriteOptions {
  /** How long a commit waits for a ref's lock, in milliseconds. Default 5,000. */
  readonly lockTimeoutMs?: number | undefined;
  /** How long it waits for the lock on `packed-refs`, which deletions take, in milliseconds. Default 10,000. */
  readonly packedRefsTimeoutMs?: number | undefined;
  /** Default `batch`. */
  readonly fsync?: FsyncMode | undefined;
  /** What `~/` stands for in a repository's configuration. Default: the home of the user the process runs as. */
  readonly homeDirectory?: string | undefined;
  /**
   * A folder for files that make packs quick to walk and can be made again; several processes may share it. Nothing of
   * the kind is ever put into a repository. Default: such files are not kept.
   */
  readonly cacheFolder?: string | undefined;
  /** What that folder may hold, in bytes; older files make room. Default 2 GiB. */
  readonly cacheFolderBytes?: number | undefined;
  /**
   * Moves working trees for `receive.denyCurrentBranch=updateInstead`, with the installed git. Default: pushes into
   * branches that are checked out are refused with that setting too.
   */
  readonly updateWorkTree?: UpdateWorkTree | undefined;
}

/** How one repository is found and written. */
export interface FsRepositoryOptions extends FsWriteOptions {
  /** Look at just this path: no `.git` is tried behind it (git's `--strict`). Default `false`. */
  readonly strict?: boolean | undefined;
  /**
   * Removes, when it is opened, the locks that who had it open so before has left, killed. One at a time may have it open so;
   * others, git too, may write it meanwhile, and their locks are left alone. Default `false`.
   */
  readonly recoverLocks?: boolean | undefined;
  /**
   * Lines of `objects/info/alternates` that count for git only: nothing is borrowed from these directories, and they are never looked
   * at. Default: none.
   */
  readonly ignoreAlternates?: readonly string[] | undefined;
}

/** Where repositories lie and how they are written. */
export interface FsStorageOptions extends FsWriteOptions {
  /** The directory whose repositories are served; made where it is missing. `/` serves any path. */
  readonly root: string;
  /** Age from which a draft that no commit completed is taken for abandoned, in milliseconds. Default 6 hours. */
  readonly draftGraceMs?: number | undefined;
  /**
   * Who else may write repositories that are made here, as `git init --shared` takes it: `umask`, `group`, `all` or an
   * octal mode. Kept in the repository's configuration. Default `umask`.
   */
  readonly sharedRepository?: string | undefined;
  /**
   * How repositories that are made here keep their refs; those that are there keep theirs. A git before 2.45 does not
   * read `reftable`. Default `files`.
   */
  readonly refFormat?: RefFormat | undefined;
}

const writeFields = {
  lockTimeoutMs: z.number().int().nonnegative().optional(),
  packedRefsTimeoutMs: z.number().int().nonnegative().optional(),
  fsync: FsyncMode.optional(),
  homeDirectory: z.string().startsWith("/").optional(),
  cacheFolder: z.string().min(1).optional(),
  cacheFolderBytes: z.number().int().nonnegative().optional(),
  updateWorkTree: z.custom<UpdateWorkTree>((value) => typeof value === "function").optional(),
};
export const FsRepositoryOptions: z.ZodType<FsRepositoryOptions> = z.object({
  ...writeFields,
  strict: z.boolean().optional(),
  recoverLocks: z.boolean().optional(),
  ignoreAlternates: z.array(z.string()).optional(),
});
export const FsStorageOptions: z.ZodType<FsStorageOptions> = z.object({
  ...writeFields,
  root: z.string().min(1),
  draftGraceMs: z.number().int().positive().optional(),
  sharedRepository: z
    .string()
    .regex(/^(?:umask|group|all|world|everybody|0|1|2|0[67][0-7]{2})$/)
    .optional(),
  refFormat: RefFormat.optional(),
});
