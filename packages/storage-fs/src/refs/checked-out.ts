import { booleanValue } from "@millrace/storage";
import { readdir, readFile, stat } from "node:fs/promises";
import { join } from "node:path";
import { ifPresent } from "../files/fault.ts";
import type { FsRepository } from "../fs-repository.ts";
import type { Place } from "../place.ts";
import { followSymref, readRawHead } from "./loose-ref.ts";

/**
 * The branches that have a working tree: those that HEAD names in the main worktree, unless the repository is bare,
 * and in every linked one (git-worktree); of those that a rebase or bisection has detached, the branch they will go back to.
 */
export async function checkedOutBranches(repository: FsRepository): Promise<readonly string[]> {
  const { commonDir } = repository.place;
  const main = at(repository, { gitDir: commonDir, commonDir });
  const branches = new Set<string>();
  if (booleanValue(await main.config(), "core.bare") === false) await addBranches(main, branches);
  for (const id of (await ifPresent(readdir(join(commonDir, "worktrees")))) ?? []) {
    const gitDir = join(commonDir, "worktrees", id);
    // Without this file it is no worktree to git.
    if (((await ifPresent(stat(join(gitDir, "gitdir"))))?.size ?? 0) === 0) continue;
    await addBranches(at(repository, { gitDir, commonDir }), branches);
  }
  return [...branches].sort();
}

/** The same repository, seen from another of its worktrees. */
function at(repository: FsRepository, place: Place): FsRepository {
  return { ...repository, place, config: () => repository.configAt(place) };
}

async function addBranches(worktree: FsRepository, into: Set<string>): Promise<void> {
  const raw = await readRawHead(worktree);
  if (raw === undefined || raw === "broken") return;
  if (raw.symref !== undefined) {
    const end = await followSymref(worktree, "HEAD", { raw });
    if (end !== undefined && end.target !== "HEAD") into.add(end.target);
    return;
  }
  const { gitDir } = worktree.place;
  for (const state of ["rebase-merge", "rebase-apply"]) {
    const name = (await ifPresent(readFile(join(gitDir, state, "head-name"), "utf8")))?.trim();
    if (name?.startsWith("refs/heads/") === true) into.add(name);
  }
  if ((await ifPresent(stat(join(gitDir, "BISECT_LOG")))) === undefined) return;
  const start = (await ifPresent(readFile(join(gitDir, "BISECT_START"), "utf8")))?.trim();
  if (start !== undefined && start !== "") into.add(`refs/heads/${start.replace(/^refs\/heads\//, "")}`);
}
