import { readStanding, type Standing } from "../git-directory/upstream.ts";
import { concealSecrets } from "../secrets.ts";
import { listHidden } from "../redirect/redirect-book.ts";
import type { Keeper } from "./keeper.ts";
import { faultOf, stateOf } from "./condition.ts";
import type { Status } from "./status.ts";

const UNKNOWN: Standing = { branch: undefined, commit: undefined, ahead: undefined, behind: undefined };

/** How it stands with the repository of a keeper. The remote repository is not asked, and the mount is not touched. */
export async function describe(keeper: Keeper, signal: AbortSignal): Promise<Status> {
  const { row, condition, mount, refresher, lastFault } = keeper;
  const git = mount?.parts.git;
  const isComplete = (await git?.hasAllHistory()) ?? false;
  const standing =
    git === undefined
      ? UNKNOWN
      : await readStanding(git.path, { ref: git.followed, isComplete }, { signal }).catch(() => UNKNOWN);
  const { ahead, behind } = standing;
  const changes = await mount?.state().catch(() => undefined);
  const isVerified = condition.phase === "ready";
  const fault = faultOf(condition)?.message ?? null;
  return {
    name: row.name,
    state: stateOf(condition),
    directory: row.directory,
    url: concealSecrets(row.url),
    ref: row.ref,
    head: git === undefined ? null : (standing.branch?.replace(/^refs\/heads\//, "") ?? "DETACHED"),
    commit: standing.commit ?? null,
    baseCommit: mount?.commit ?? null,
    requiredCommit: row.requireCommit ?? null,
    acquisition: row.requireCommit === undefined ? "not-required" : isVerified ? "verified" : "pending",
    history: git === undefined ? null : isComplete ? "complete" : "partial",
    refreshMs: row.refreshMs,
    ahead: ahead ?? null,
    behind: behind ?? null,
    diverged: ahead === undefined || behind === undefined ? null : ahead > 0 && behind > 0,
    lastFetch: (await keeper.lastFetch())?.toISOString() ?? null,
    lastResult: refresher?.lastResult ?? null,
    error: condition.phase === "failed" ? (condition.error ?? null) : fault,
    lastFault: lastFault ?? null,
    hydratedBlobs: mount?.counts.fetched ?? 0,
    hydratedBytes: mount?.counts.fetchedBytes ?? 0,
    overlayDirty: changes === undefined ? null : changes.changed + changes.deleted,
    redirects: (await mount?.redirects.list()) ?? listHidden(keeper.stateFolder),
  };
}
