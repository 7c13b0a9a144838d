import { rm } from "node:fs/promises";
import { giveBackForGood } from "../git-directory/give-back.ts";
import { readPrepared } from "../git-directory/prepare.ts";
import { ownGitDirectory } from "../git-directory/where.ts";
import { isBelow } from "../path-below.ts";
import { tellGit } from "../redirect/tell-git.ts";
import { wordsOf } from "../told-error.ts";
import type { Keeper } from "./keeper.ts";

/**
 * What is done with what a mount has kept, when it is removed: a git directory that was brought is given back, whatever becomes of the rest,
 * and with `purge` the mount's own folders go. Throws what the disk says.
 */
export async function leaveState(
  { row, stateFolder }: Keeper,
  purge: boolean,
  log: (text: string) => void,
): Promise<void> {
  const { name, preparedGitDirectory: brought } = row;
  if (brought !== undefined) {
    try {
      await giveBackForGood(brought, () => tellGit(brought, []));
    } catch (error) {
      // It may be gone, or another mount's by now.
      log(`${name}: ${brought} is not given back: ${wordsOf(error)}`);
    }
  }
  if (!purge) return;
  try {
    const own = ownGitDirectory(stateFolder);
    if (!isBelow(own, stateFolder)) {
      // Where none was ever made, somebody may have put something else there since.
      await readPrepared(own);
      await rm(own, { recursive: true, force: true });
    }
  } catch (error) {
    log(`${name}: its git directory is left: ${wordsOf(error)}`);
  }
  await rm(stateFolder, { recursive: true, force: true });
}
