import { z } from "zod";
import { RedirectStatus } from "../redirect/schema.ts";

/** How it stands with one repository, as it is told. The order of the fields is that of the lines of `status`. */
export interface Status {
  readonly name: string;
  readonly state: "preparing" | "ready" | "failed" | "mounted" | "unmounted" | "degraded";
  readonly directory: string;
  readonly url: string;
  /** What was asked for. */
  readonly ref: string;
  /** The branch that HEAD names now, or `DETACHED`; `null` before there is one. */
  readonly head: string | null;
  readonly commit: string | null;
  /** What was mounted at first. */
  readonly baseCommit: string | null;
  readonly requiredCommit: string | null;
  /** Whether the required commit is what came. */
  readonly acquisition: "not-required" | "pending" | "verified";
  readonly history: "partial" | "complete" | null;
  /** Between two looks at the remote repository, in milliseconds; `null` is never. */
  readonly refreshMs: number | null;
  /** Commits that only HEAD has, and those that only the remote repository has; `null` where that cannot be told. */
  readonly ahead: number | null;
  readonly behind: number | null;
  readonly diverged: boolean | null;
  /** When the remote repository was last looked at with success, RFC 3339. */
  readonly lastFetch: string | null;
  /** `ok`, or what went wrong the last time. */
  readonly lastResult: string | null;
  /** Why it is `failed` or `degraded`. */
  readonly error: string | null;
  /** What a reader has met last. */
  readonly lastFault: string | null;
  /** Contents of files that were fetched since it was mounted, and their bytes. */
  readonly hydratedBlobs: number;
  readonly hydratedBytes: number;
  /** Names that local changes have made, changed or taken away; `null` where that cannot be told. */
  readonly overlayDirty: number | null;
  /** Directories that are on the native disk, or are to be. */
  readonly redirects: readonly RedirectStatus[];
}

const count = z.number().int().nonnegative();
export const Status: z.ZodType<Status> = z.object({
  name: z.string(),
  state: z.enum(["preparing", "ready", "failed", "mounted", "unmounted", "degraded"]),
  directory: z.string(),
  url: z.string(),
  ref: z.string(),
  head: z.string().nullable(),
  commit: z.string().nullable(),
  baseCommit: z.string().nullable(),
  requiredCommit: z.string().nullable(),
  acquisition: z.enum(["not-required", "pending", "verified"]),
  history: z.enum(["partial", "complete"]).nullable(),
  refreshMs: z.number().nullable(),
  ahead: count.nullable(),
  behind: count.nullable(),
  diverged: z.boolean().nullable(),
  lastFetch: z.string().nullable(),
  lastResult: z.string().nullable(),
  error: z.string().nullable(),
  lastFault: z.string().nullable(),
  hydratedBlobs: count,
  hydratedBytes: count,
  overlayDirty: count.nullable(),
  redirects: z.array(RedirectStatus).readonly(),
});

/** A status as one line of `key=value`, for people and for scripts that split at blanks. */
export function statusLine(status: Status): string {
  const told = Object.entries(status).map(([key, value]) => {
    const word = key.replace(/[A-Z]/g, (letter) => `_${letter.toLowerCase()}`);
    return `${word}=${wordOf(value)}`;
  });
  return told.join(" ");
}

function wordOf(value: unknown): string {
  if (value === null) return "-";
  // A value with blanks, or one that could be taken for none, stands in quotes.
  if (typeof value === "string") return /^[^\s"=-][^\s"]*$/.test(value) ? value : JSON.stringify(value);
  return JSON.stringify(value);
}
