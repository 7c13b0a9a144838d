import { isAbsolute } from "node:path";
import { z } from "zod";
import { areOneInTheOther } from "../path-below.ts";
import { RedirectWish } from "../redirect/schema.ts";

/** Directories of one mount that may wait to be redirected. */
export const MAX_WISHES = 100;

/** What somebody has asked to be mounted, and how. */
export interface Registration {
  /** What it is called here: a name of a folder. */
  readonly name: string;
  /** Where the repository is, as git takes it, without a password. */
  readonly url: string;
  /** A branch, a tag, an id or `HEAD`. */
  readonly ref: string;
  /** The commit that `ref` must lead to, in full. */
  readonly requireCommit?: string | undefined;
  /** Commits from the mounted one on that are fetched; all of them where it is absent. */
  readonly depth?: number | undefined;
  /** Between two looks at the remote repository, in milliseconds; `null` is never. */
  readonly refreshMs: number | null;
  /** Where it is mounted, without symbolic links. */
  readonly directory: string;
  /** Where its git directory is made, without symbolic links; in the daemon's state where it is absent. */
  readonly gitDirectory?: string | undefined;
  /** A git directory that was brought, without symbolic links; one is made where it is absent. */
  readonly preparedGitDirectory?: string | undefined;
  readonly allowOther: boolean;
  readonly readOnly: boolean;
  /** Files of git-lfs show, and not their pointers. */
  readonly lfs?: boolean | undefined;
  readonly uid?: number | undefined;
  readonly gid?: number | undefined;
  /** Directories that are to be redirected when it is mounted the next time; the mount keeps them from then on. */
  readonly redirects?: readonly RedirectWish[] | undefined;
}

/** Whether what a mount needs is there. */
export const Phase: z.ZodType<Phase> = z.enum(["preparing", "ready", "failed"]);
export type Phase = "preparing" | "ready" | "failed";

/** A line of the registry: what was asked for, and what is to be known again after a restart. */
export interface Row extends Registration {
  /** Another one each time the preparation begins anew: what was begun under an old one changes nothing any more. */
  readonly version: string;
  readonly phase: Phase;
  /** Whether it is to be mounted. */
  readonly wanted: boolean;
  /** Why the phase is `failed`, without secrets. */
  readonly error?: string | undefined;
}

const MAX_NAME_BYTES = 128;

export const RepositoryName: z.ZodType<string> = z
  .string()
  .regex(/^[^/\\\p{Cc}]+$/u, "a name has no slash, no backslash and no control character")
  .refine((name) => !name.includes(".."), "a name has no two dots in a row")
  .refine((name) => !name.startsWith(".") && !name.startsWith("-"), "a name begins with no dot or dash")
  .refine((name) => Buffer.byteLength(name) <= MAX_NAME_BYTES, `a name has ${MAX_NAME_BYTES} bytes at most`);

/** An id in full, of either hash, in lower case. */
export const CommitId: z.ZodType<string, string> = z
  .string()
  .regex(/^(?:[0-9a-f]{40}|[0-9a-f]{64})$/i, "a commit is 40 or 64 hex digits")
  .transform((id) => id.toLowerCase());

const owner = z.number().int().min(0).max(0xfffffffe).optional();
const gitDirectory = z
  .string()
  .max(4096)
  .refine(isAbsolute, "the git directory's path is to be absolute")
  .optional();
const fields = z.strictObject({
  name: RepositoryName,
  url: z.string().min(1).max(4096),
  ref: z.string().min(1).max(1024),
  requireCommit: CommitId.optional(),
  depth: z.number().int().positive().max(0x7fffffff).optional(),
  refreshMs: z
    .number()
    .int()
    .positive()
    .max(2 ** 31 - 1)
    .nullable(),
  directory: z.string().max(4096).refine(isAbsolute, "the directory's path is to be absolute"),
  gitDirectory,
  preparedGitDirectory: gitDirectory,
  allowOther: z.boolean(),
  readOnly: z.boolean(),
  lfs: z.boolean().optional(),
  uid: owner,
  gid: owner,
  redirects: z.array(RedirectWish).max(MAX_WISHES).readonly().optional(),
});

type Fields = z.infer<typeof fields>;
const NEEDS_REF = "a required commit wants a branch or a tag that is said";
const saysRef = ({ requireCommit, ref }: Fields): boolean => requireCommit === undefined || ref !== "HEAD";
/** Why what bears on the history is refused. */
export const AS_IT_IS =
  "a prepared git directory has the history that it has: no required commit, depth or --no-history";
const isAsItIs = ({ preparedGitDirectory, requireCommit, depth }: Fields): boolean =>
  preparedGitDirectory === undefined || (requireCommit === undefined && depth === undefined);
/** Why a place for a git directory that is there is refused. */
export const WHERE_IT_IS = "a prepared git directory is where it is: no --git-dir beside --prepared-gitdir";
const isWhereItIs = (of: Fields): boolean =>
  of.preparedGitDirectory === undefined || of.gitDirectory === undefined;
const APART = "the git directory and the directory that is mounted on are not to be one in the other";
const isApart = ({ gitDirectory, preparedGitDirectory: prepared, directory }: Fields): boolean =>
  [gitDirectory, prepared].every((path) => path === undefined || !areOneInTheOther(path, directory));

export const Registration: z.ZodType<Registration> = fields
  .refine(saysRef, NEEDS_REF)
  .refine(isAsItIs, AS_IT_IS)
  .refine(isWhereItIs, WHERE_IT_IS)
  .refine(isApart, APART);
export const Row: z.ZodType<Row> = fields
  .extend({
    version: z.string().min(1),
    phase: Phase,
    wanted: z.boolean(),
    error: z.string().optional(),
  })
  .refine(saysRef, NEEDS_REF)
  .refine(isAsItIs, AS_IT_IS)
  .refine(isWhereItIs, WHERE_IT_IS)
  .refine(isApart, APART);

/** The registry's file. */
export interface RegistryFile {
  readonly version: 1;
  readonly repositories: readonly Row[];
}
export const RegistryFile: z.ZodType<RegistryFile> = z.object({
  version: z.literal(1),
  repositories: z.array(Row).readonly(),
});
