import { readdir, realpath, stat } from "node:fs/promises";
import { join, resolve } from "node:path";
import { MountError } from "../errors.ts";
import { isWithin } from "../path-below.ts";
import { readState } from "../state-file.ts";
import { refused } from "./inspect.ts";
import { Brought } from "./schema.ts";

/** Whose git directory it is, of which mount. */
export interface WhereOptions {
  /** The state folder, and the directory that is mounted on: without symbolic links. */
  readonly stateFolder: string;
  readonly directory: string;
  /** The one that somebody has brought; `undefined` where it is to be ours. */
  readonly preparedGitDirectory: string | undefined;
}

/** What is kept of a git directory that was brought, in the state folder of the mount that works on it. */
export function broughtFile(stateFolder: string): string {
  return join(stateFolder, "brought.json");
}

/**
 * Where the git directory of a mount is, without symbolic links. A state folder goes with one and the same: its local changes lie over what is in
 * that.
 * @throws MountError MOUNT_BAD_STATE where it goes with another one; MOUNT_PREPARED_REFUSED for one in the mount, or around it
 */
export async function whereGitIs({
  stateFolder,
  directory,
  preparedGitDirectory,
}: WhereOptions): Promise<string> {
  const ours = join(stateFolder, "git");
  const brought = readState(broughtFile(stateFolder), Brought)?.path;
  if (preparedGitDirectory === undefined) {
    if (brought === undefined) return ours;
    throw new MountError("MOUNT_BAD_STATE", `${stateFolder} goes with ${brought}, which was brought`);
  }
  const asked = resolve(preparedGitDirectory);
  // Before it is looked at: there nobody may answer yet.
  const why = `it and ${directory}, which is mounted on, are one in the other`;
  if (isWithin(asked, directory)) throw refused(asked, why);
  const path = await realpath(asked).catch(() => asked);
  if (isWithin(path, directory) || isWithin(directory, path)) throw refused(path, why);
  if (brought !== undefined && brought !== path)
    throw new MountError("MOUNT_BAD_STATE", `${stateFolder} goes with ${brought}, and not with ${path}`);
  const isOurs = (await stat(ours).catch(() => undefined)) !== undefined;
  if (brought === undefined && isOurs && (await readdir(ours)).length > 0)
    throw new MountError("MOUNT_BAD_STATE", `${stateFolder} goes with a git directory of its own, ${ours}`);
  return path;
}
