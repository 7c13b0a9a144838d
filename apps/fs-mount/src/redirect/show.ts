import { stat } from "node:fs/promises";
import { MountError } from "../errors.ts";
import { isOther } from "./mounted-path.ts";
import type { RedirectHost } from "./redirect-host.ts";
import type { RedirectRecord } from "./schema.ts";

/**
 * Lets a path of the mount lead to its folder on the native disk. What stands there has to be nothing, an empty directory or the link.
 * @throws MountError MOUNT_REDIRECT_REFUSED, MOUNT_REDIRECT_FAILED
 */
export async function show(host: RedirectHost, record: RedirectRecord): Promise<void> {
  const { path, kind } = record;
  const folder = host.folderOf(record);
  const at = host.at(record);
  const isThere = await stat(folder).then(
    (found) => found.isDirectory(),
    () => false,
  );
  if (!isThere) throw new MountError("MOUNT_REDIRECT_FAILED", `${path}: its folder ${folder} is gone`);
  if (await at.isBound()) {
    if (kind === "bind") return;
    throw new MountError("MOUNT_REDIRECT_REFUSED", `${path}: something is mounted there`);
  }
  const found = await at.look();
  if (isOther(found, folder) || (found.kind === "link" && kind === "bind")) throw hasOther(record, folder);
  if (kind === "link") {
    if (found.kind === "link") return;
    if (found.kind === "empty") await at.removePoint(folder);
    await at.makeLink(folder);
    return;
  }
  await at.makeDirectory();
  await at.bind(folder);
}

/** There are two contents, and nobody knows which is meant. */
export function hasOther({ path }: RedirectRecord, folder: string): MountError {
  const why = `${path} has content of its own in the mount, and other content in ${folder}: move one of them away`;
  return new MountError("MOUNT_REDIRECT_REFUSED", why);
}
