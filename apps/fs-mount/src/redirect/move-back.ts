import { MountError } from "../errors.ts";
import { fingerprintFolder, isOther } from "./mounted-path.ts";
import type { RedirectHost } from "./redirect-host.ts";
import { hasOther, show } from "./show.ts";
import type { RedirectRecord } from "./schema.ts";

/**
 * Takes a redirection away and brings its content back into the mount: the inverse of `moveOut`, with the same promise.
 * @throws FuseError FUSE_BUSY where somebody is inside; MountError MOUNT_REDIRECT_REFUSED, MOUNT_REDIRECT_FAILED; what the disk says;
 *   `signal.reason`: the redirection is as it was then
 */
export async function moveBack(
  host: RedirectHost,
  record: RedirectRecord,
  signal: AbortSignal,
): Promise<void> {
  const at = host.at(record);
  const folder = host.folderOf(record);
  const wasBound = await at.isBound();
  if (!wasBound) {
    const found = await at.look(signal);
    if (isOther(found, folder)) throw hasOther(record, folder);
  }
  let now = host.note(record, "returning");
  try {
    const before = await fingerprintFolder(folder, signal);
    await at.copyAside(folder, signal);
    // From here on nobody comes in.
    if (wasBound) await at.unbind(false);
    else await at.removePoint(folder);
    if ((await fingerprintFolder(folder, signal)) !== before) {
      const why = `${record.path}: somebody has changed it meanwhile; try again when nobody works in it`;
      throw new MountError("MOUNT_REDIRECT_FAILED", why);
    }
    now = host.note(now, "returned");
  } catch (error) {
    await show(host, record);
    await at.clearAside();
    host.note(record, "shown");
    throw error;
  }
  await finishReturn(host, now);
}

/** Gives content that has been copied back its name, and drops the native one. */
export async function finishReturn(host: RedirectHost, record: RedirectRecord): Promise<void> {
  const at = host.at(record);
  await at.removePoint(host.folderOf(record));
  await at.putBack();
  await finishPurge(host, host.note(record, "purging"));
}

/**
 * Takes a redirection away and deletes its content.
 * @throws FuseError FUSE_BUSY where somebody is inside; MountError MOUNT_REDIRECT_FAILED; what the disk says
 */
export async function purge(host: RedirectHost, record: RedirectRecord): Promise<void> {
  const at = host.at(record);
  if (await at.isBound()) await at.unbind(false);
  await at.removePoint(host.folderOf(record));
  await finishPurge(host, host.note(record, "purging"));
}

/** Deletes the content of one that is not shown any more. */
export async function finishPurge(host: RedirectHost, record: RedirectRecord): Promise<void> {
  await host.removeCopy(record);
  host.book.drop(record);
  await host.tellGit();
}
