import { mkdir, rename } from "node:fs/promises";
import { MountError } from "../errors.ts";
import { syncDisk } from "./mounted-path.ts";
import { draftOf, type RedirectHost } from "./redirect-host.ts";
import { show } from "./show.ts";
import type { RedirectRecord } from "./schema.ts";

/**
 * Puts a directory of the mount on the native disk, with what is in it. The copy is complete and synced before anything is taken away;
 * whatever ends this in the middle, the one or the other is shown, whole, after the next start.
 * @throws MountError MOUNT_REDIRECT_REFUSED, MOUNT_REDIRECT_FAILED, MOUNT_GIT_FAILED; what the disk says; `signal.reason`: all is as it
 *   was then, and nothing is kept of it
 */
export async function moveOut(host: RedirectHost, wish: RedirectRecord, signal: AbortSignal): Promise<void> {
  const { path } = wish;
  const at = host.at(wish);
  host.book.refuseNested(path);
  await host.refuseTracked(path, signal);
  const found = await at.look(signal);
  if (found.kind === "file" || found.kind === "link") {
    throw new MountError("MOUNT_REDIRECT_REFUSED", `${path} cannot be redirected: it is no directory`);
  }
  if (await at.hasMounts()) {
    throw new MountError(
      "MOUNT_REDIRECT_REFUSED",
      `${path} cannot be redirected: something is mounted there`,
    );
  }
  const isFull = found.kind === "full";
  const before = host.book.get(path);
  let record = host.note(wish, "filling");
  try {
    const content = isFull ? await at.fingerprint(signal) : "";
    await fill(host, record, found.kind !== "absent", signal);
    await host.tellGit();
    if (isFull) {
      await at.setAside();
      if ((await at.fingerprintAside(signal)) !== content) {
        const why = `${path}: somebody has changed it meanwhile; try again when nobody works in it`;
        throw new MountError("MOUNT_REDIRECT_FAILED", why);
      }
    }
    record = host.note(record, "clearing");
    await show(host, record);
  } catch (error) {
    await takeBack(host, record, before);
    throw error;
  }
  await at.clearAside();
  host.note(record, "shown");
}

/** Copies the content to its folder, which has its name when all of it is on the disk. */
async function fill(
  host: RedirectHost,
  record: RedirectRecord,
  isThere: boolean,
  signal: AbortSignal,
): Promise<void> {
  await host.makeFolder();
  const folder = host.folderOf(record);
  const draft = draftOf(folder);
  await mkdir(draft);
  if (isThere) await host.at(record).copyTo(draft, signal);
  await rename(draft, folder);
  await syncDisk(folder, signal);
}

/**
 * Undoes what was begun: the mount has its content again, and the copy goes. Where something has come to stand in its place meanwhile, the
 * content stays beside it, which is tried again at the next start.
 * @param before what is kept of it then, in one write with the end of this; nothing where it is absent
 * @throws what stands in the way: MountError MOUNT_REDIRECT_FAILED says where the content is
 */
export async function takeBack(
  host: RedirectHost,
  record: RedirectRecord,
  before: RedirectRecord | undefined,
): Promise<void> {
  const at = host.at(record);
  if (await at.isBound()) await at.unbind(true);
  await at.removePoint(host.folderOf(record));
  // Before the copy goes, it counts no more.
  host.note(record, "filling");
  await at.putBack();
  await host.removeCopy(record);
  if (before === undefined) host.book.drop(record);
  else host.book.put(before);
  await host.tellGit();
}
