import { realpath, statfs } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { connectionOf } from "./connection.ts";
import { detachByHelper } from "./helper-mount.ts";
import { detachAsRoot } from "./root-mount.ts";

/** How long a live mount may take to tell that it is one, in milliseconds. */
const PATIENCE_MS = 5000;

/**
 * Takes away a mount whose server was killed: all that is asked of it fails with ENOTCONN. A mount that answers, or that
 * hangs, stays.
 * @returns whether there was one
 * @throws FuseError FUSE_MOUNT_FAILED where it may not be taken away; errors of `node:fs` for the folder above it
 */
export async function removeStaleMount(directory: string): Promise<boolean> {
  const asked = resolve(directory);
  // The directory itself cannot be asked for its name any more.
  const path = join(await realpath(dirname(asked)), basename(asked));
  if ((await connectionOf(path)) === undefined || !(await isDead(path))) return false;
  await (process.geteuid?.() === 0 ? detachAsRoot(path, true) : detachByHelper(path, true));
  return true;
}

async function isDead(path: string): Promise<boolean> {
  const asked = statfs(path).then(
    () => false,
    (error: NodeJS.ErrnoException) => error.code === "ENOTCONN",
  );
  return await Promise.race([asked, sleep(PATIENCE_MS, false, { ref: false })]);
}
