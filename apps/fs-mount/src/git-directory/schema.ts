import { z } from "zod";

/** What a mount must know again after a restart, in `millrace.json` of its git directory. */
export interface Prepared {
  readonly version: 1;
  /** What is mounted. */
  readonly commit: string;
  readonly tree: string;
  /** The branch that HEAD names; `undefined` where it names the commit. */
  readonly branch?: string | undefined;
  /** What of the remote repository it follows, by its full name; `undefined` for an id, which nothing moves. */
  readonly ref?: string | undefined;
  /** The commit that was required, which it is. */
  readonly requiredCommit?: string | undefined;
  /** When it came, in seconds since 1970. */
  readonly acquiredSeconds?: number | undefined;
  /** The time of every file, in seconds. */
  readonly mtimeSeconds: number;
}
export const Prepared: z.ZodType<Prepared> = z.object({
  version: z.literal(1),
  commit: z.string().regex(/^[0-9a-f]{40,64}$/),
  tree: z.string().regex(/^[0-9a-f]{40,64}$/),
  branch: z.string().startsWith("refs/heads/").optional(),
  ref: z.string().startsWith("refs/").optional(),
  requiredCommit: z.string().optional(),
  acquiredSeconds: z.number().int().nonnegative().optional(),
  mtimeSeconds: z.number().int().nonnegative(),
});

/** Where the git directory of a mount is that somebody has chosen a place for, in `git-directory.json` of its state folder. */
export interface Chosen {
  readonly version: 1;
  readonly path: string;
}
export const Chosen: z.ZodType<Chosen> = z.object({ version: z.literal(1), path: z.string() });

/** What a mount must know again of a git directory that was brought, in `brought.json` of its state folder. */
export interface Brought {
  readonly version: 1;
  readonly path: string;
  readonly prepared: Prepared;
}
export const Brought: z.ZodType<Brought> = z.object({
  version: z.literal(1),
  path: z.string(),
  prepared: Prepared,
});
