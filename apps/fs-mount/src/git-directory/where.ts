import { mkdir, readdir, realpath } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { MountError } from "../errors.ts";
import { areOneInTheOther, isWithin } from "../path-below.ts";
import { readState, writeState } from "../state-file.ts";
import { refused } from "./inspect.ts";
import { Brought, Chosen } from "./schema.ts";

/** Whose the git directory is, of which mount. */
export interface WhereOptions {
  /** The state folder, and the directory that is mounted on: without symbolic links. */
  readonly stateFolder: string;
  readonly directory: string;
  /** Where ours is to be; where it has been so far, which is the state folder at first, if that is `undefined`. */
  readonly gitDirectory: string | undefined;
  /** The one that somebody has brought; `undefined` where it is to be ours. */
  readonly preparedGitDirectory: string | undefined;
}

/** What is kept of a git directory that was brought, in the state folder of the mount that works on it. */
export function broughtFile(stateFolder: string): string {
  return join(stateFolder, "brought.json");
}

/** Where the git directory of ours is that goes with a state folder. Throws MOUNT_BAD_STATE where what is kept of that is damaged. */
export function ownGitDirectory(stateFolder: string): string {
  return readState(chosenFile(stateFolder), Chosen)?.path ?? join(stateFolder, "git");
}

/**
 * Where the git directory of a mount is, without symbolic links. A state folder goes with one and the same: its local changes lie over what is in
 * that.
 * @throws MountError MOUNT_BAD_STATE where it goes with another one, and where something else is at the place for ours;
 *   MOUNT_PREPARED_REFUSED for one that was brought and is in the mount, or around it
 */
export async function whereGitIs(options: WhereOptions): Promise<string> {
  const { stateFolder, gitDirectory, preparedGitDirectory } = options;
  const brought = readState(broughtFile(stateFolder), Brought)?.path;
  if (preparedGitDirectory !== undefined) return await whereBrought(preparedGitDirectory, brought, options);
  if (brought !== undefined)
    throw new MountError("MOUNT_BAD_STATE", `${stateFolder} goes with ${brought}, which was brought`);
  return gitDirectory === undefined ? ownGitDirectory(stateFolder) : await choosePlace(gitDirectory, options);
}

async function whereBrought(
  given: string,
  brought: string | undefined,
  { stateFolder, directory }: WhereOptions,
): Promise<string> {
  const asked = resolve(given);
  // Before it is looked at: there nobody may answer yet.
  if (isWithin(asked, directory)) throw refused(asked, oneInTheOther(directory));
  const path = await realpath(asked).catch(() => asked);
  if (areOneInTheOther(path, directory)) throw refused(path, oneInTheOther(directory));
  if (brought !== undefined && brought !== path)
    throw new MountError("MOUNT_BAD_STATE", `${stateFolder} goes with ${brought}, and not with ${path}`);
  if (brought === undefined) await wantNoneOfOurs(stateFolder);
  return path;
}

/** Where ours is to be, which is known from now on: nothing else is there, or it is there. */
async function choosePlace(given: string, { stateFolder, directory }: WhereOptions): Promise<string> {
  const asked = resolve(given);
  if (areOneInTheOther(asked, directory)) throw noPlace(asked, oneInTheOther(directory));
  await mkdir(dirname(asked), { recursive: true });
  const path = await realpath(asked).catch(async () => join(await realpath(dirname(asked)), basename(asked)));
  if (areOneInTheOther(path, directory)) throw noPlace(path, oneInTheOther(directory));
  const known = readState(chosenFile(stateFolder), Chosen)?.path;
  if (known === path) return path;
  await wantNoneOfOurs(stateFolder);
  if (!(await isFree(path))) throw noPlace(path, "there is something");
  writeState(chosenFile(stateFolder), { version: 1, path } satisfies Chosen);
  return path;
}

async function wantNoneOfOurs(stateFolder: string): Promise<void> {
  const ours = ownGitDirectory(stateFolder);
  if (!(await isFree(ours)))
    throw new MountError("MOUNT_BAD_STATE", `${stateFolder} goes with a git directory of its own, ${ours}`);
}

/** Whether nothing is at a path, or a folder that is empty. */
async function isFree(path: string): Promise<boolean> {
  try {
    return (await readdir(path)).length === 0;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") return true;
    if (code === "ENOTDIR") return false;
    throw error;
  }
}

function chosenFile(stateFolder: string): string {
  return join(stateFolder, "git-directory.json");
}

function oneInTheOther(directory: string): string {
  return `it and ${directory}, which is mounted on, are one in the other`;
}

function noPlace(path: string, why: string): MountError {
  return new MountError("MOUNT_BAD_STATE", `${path} is no place for a git directory: ${why}`);
}
