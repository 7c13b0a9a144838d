import { readdir, readFile, realpath } from "node:fs/promises";
import { join, resolve } from "node:path";
import { booleanValue } from "@millrace/storage";
import { ifPresent } from "../files/fault.ts";
import type { FsRepository } from "../fs-repository.ts";
import type { Place } from "../place.ts";

/** A working tree and the git directory that belongs to it. */
export interface WorkTree {
  /** The repository, seen from here. */
  readonly repository: FsRepository;
  /** Where its files lie, as git has it: `core.worktree` may say otherwise to git itself. */
  readonly path: string;
}

/** The working trees of a repository, the main one first unless the repository is bare (git-worktree). */
export async function listWorkTrees(repository: FsRepository): Promise<readonly WorkTree[]> {
  const { commonDir } = repository.place;
  const trees: WorkTree[] = [];
  const main = at(repository, { gitDir: commonDir, commonDir });
  if (booleanValue(await main.config(), "core.bare") === false) {
    trees.push({ repository: main, path: withoutGit(await realpath(commonDir)) });
  }
  const ids = (await ifPresent(readdir(join(commonDir, "worktrees")))) ?? [];
  for (const id of ids.sort()) {
    const gitDir = join(commonDir, "worktrees", id);
    // Without this file it is no worktree to git.
    const link = (await ifPresent(readFile(join(gitDir, "gitdir"), "utf8")))?.trimEnd() ?? "";
    if (link === "") continue;
    trees.push({
      repository: at(repository, { gitDir, commonDir }),
      path: withoutGit(resolve(gitDir, link)),
    });
  }
  return trees;
}

/** The same repository, seen from another of its worktrees. */
function at(repository: FsRepository, place: Place): FsRepository {
  return { ...repository, place, config: () => repository.configAt(place) };
}

function withoutGit(path: string): string {
  return path.replace(/\/\.git$/, "");
}
