import type { Oid } from "@millrace/pack";
import { MountError } from "../errors.ts";
import { runGit } from "./run-git.ts";

/** What is known of HEAD, and of where the remote repository has got to. */
export interface Standing {
  /** The branch that HEAD names; `undefined` where it names a commit. */
  readonly branch: string | undefined;
  /** `undefined` on a branch that has no commit. */
  readonly commit: Oid | undefined;
  /** Commits that only HEAD has, and those that only the remote repository has. */
  readonly ahead: number | undefined;
  readonly behind: number | undefined;
}

/** Where a ref of the remote repository is noted: nothing that the user's git follows or moves. */
export function upstreamRef(ref: string): string {
  return `refs/millrace/upstream/${ref.replace(/^refs\//, "")}`;
}

/** How one ref is fetched. */
export interface UpstreamFetch {
  /** Files as well as the clone has them, all or none, in place of none. Default false. */
  readonly asCloned?: boolean | undefined;
  /** The tracking branch moves along, too. Default false. */
  readonly tracks?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Has git fetch one ref, with its commits and trees but no files, into `refs/millrace/upstream`. Nothing else moves: no tracking
 * branch unless it `tracks`, no tag, no FETCH_HEAD.
 * @throws MountError MOUNT_GIT_FAILED; `signal.reason`
 */
export async function fetchUpstream(
  path: string,
  ref: string,
  { asCloned = false, tracks = false, signal }: UpstreamFetch = {},
): Promise<void> {
  // A server that says nothing for half a minute is given up.
  const patience = ["-c", "http.lowSpeedLimit=1", "-c", "http.lowSpeedTime=30"];
  const nothingElse = ["--no-tags", "--no-prune", "--no-write-fetch-head", "--no-recurse-submodules"];
  // No refspec but ours: those that are configured would move tracking branches along.
  const along = `--refmap=${tracks ? "+refs/heads/*:refs/remotes/origin/*" : ""}`;
  const quietly = ["--quiet", "--no-auto-maintenance", along, ...(asCloned ? [] : ["--filter=blob:none"])];
  const refspec = `+${ref}:${upstreamRef(ref)}`;
  await runGit({
    path,
    args: [...patience, "fetch", ...nothingElse, ...quietly, "origin", refspec],
    signal,
  });
}

/** Reads where HEAD is, beside what was last seen of the remote repository. Throws MOUNT_GIT_FAILED, and `signal.reason`. */
export async function readStanding(
  path: string,
  { ref, isComplete }: { readonly ref: string | undefined; readonly isComplete: boolean },
  options: { readonly signal?: AbortSignal | undefined } = {},
): Promise<Standing> {
  const ask = async (...args: string[]): Promise<string | undefined> => {
    try {
      return (await runGit({ path, args, ...options })).trim();
    } catch (error) {
      // What is not there is no fault: git says so by its status.
      if (error instanceof MountError && error.code === "MOUNT_GIT_FAILED") return undefined;
      throw error;
    }
  };
  const branch = await ask("symbolic-ref", "--quiet", "HEAD");
  const commit = await ask("rev-parse", "--verify", "--quiet", "HEAD^{commit}");
  const here = { branch: branch || undefined, commit: commit || undefined };
  // Behind a shallow root nobody knows what the two have in common.
  if (ref === undefined || !isComplete || !commit) return { ...here, ahead: undefined, behind: undefined };
  const counts = await ask("rev-list", "--left-right", "--count", `HEAD...${upstreamRef(ref)}`, "--");
  const [ahead, behind] =
    /^(\d+)\t(\d+)$/
      .exec(counts ?? "")
      ?.slice(1)
      .map(Number) ?? [];
  return { ...here, ahead, behind };
}
