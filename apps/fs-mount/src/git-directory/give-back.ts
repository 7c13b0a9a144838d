import { openLockNotes } from "@millrace/storage-fs";
import { lockGitDirectory } from "../overlay/state-lock.ts";
import { borrowFromNoMount } from "./alternates.ts";
import { removeHook } from "./fsmonitor-hook.ts";
import { takeBackSettings } from "./lent-settings.ts";
import { endMove } from "./move-head.ts";
import { runGit } from "./run-git.ts";

/**
 * Gives a git directory that was brought back, so that it is as before but for what was fetched and committed: settings, hook, locks
 * with their notes, the mount's promised objects. Whoever calls holds its lock. Throws as `takeBackSettings`: it can be done again.
 */
export async function giveBack(path: string): Promise<void> {
  await borrowFromNoMount(path);
  await removeHook(path);
  await openLockNotes(path).sweep();
  await takeBackSettings(path);
}

/**
 * The same where no mount of it is to come any more, and of one that was killed, too; and what was noted of the remote repository goes.
 * @param more what else is to be done while nobody works on it
 * @throws MountError MOUNT_STATE_LOCKED where another mount works on it, MOUNT_GIT_FAILED; what the disk says
 */
export async function giveBackForGood(path: string, more: () => Promise<void>): Promise<void> {
  const unlock = lockGitDirectory(path);
  try {
    await endMove(path);
    await giveBack(path);
    await more();
    const noted = await runGit({
      path,
      args: ["for-each-ref", "--format=delete %(refname)", "refs/millrace/"],
    });
    await runGit({ path, args: ["update-ref", "--stdin"], input: noted });
  } finally {
    unlock();
  }
}
