import { readdir, realpath, stat } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import type { ObjectFormat } from "@millrace/pack";
import { parseBoolean } from "@millrace/storage";
import { whyRefused } from "../address.ts";
import { MountError } from "../errors.ts";
import { concealSecrets } from "../secrets.ts";
import { readConfig, type Settings } from "./lent-settings.ts";
import { runGit } from "./run-git.ts";

/** What a mount is to work on, and for what. */
export interface Inspected {
  readonly path: string;
  /** Where the mount is. */
  readonly directory: string;
  /** Of the remote repository. */
  readonly url: string;
  readonly signal?: AbortSignal | undefined;
}

/**
 * Has git say whether a path is a git directory: by its own rules, so that one that somebody else owns is none (`safe.directory`).
 * Nothing is written.
 * @returns the hash of its objects
 * @throws MountError MOUNT_PREPARED_REFUSED with git's words; `signal.reason`
 */
export async function wantGitDirectory(path: string, signal: AbortSignal | undefined): Promise<ObjectFormat> {
  const stats = await stat(path).catch(() => undefined);
  if (stats?.isDirectory() !== true) throw refused(path, "it is no directory");
  const what = ["--absolute-git-dir", "--git-common-dir", "--show-object-format"];
  // Bare ones, too: what is said explicitly is nothing that was come upon.
  const args = ["-c", "safe.bareRepository=all", "rev-parse", ...what];
  let said: string;
  try {
    said = await runGit({ path, args, discovers: true, signal });
  } catch (error) {
    const { code, message, cause } = error as MountError;
    if (code !== "MOUNT_GIT_FAILED" || cause !== undefined) throw error;
    throw refused(path, message.replace(/^git -c: /, ""), error);
  }
  const [found = "", common = "", format = ""] = said.split("\n");
  if (found !== path) throw refused(path, `it is a working tree; its git directory is ${found}`);
  if (resolve(path, common) !== path) throw refused(path, `it is a linked working tree's, of ${common}`);
  return format as ObjectFormat;
}

/**
 * Looks whether the git directory is a mount's to work on: it has no working tree that somebody uses, and comes from the same remote repository, or
 * from none. Nothing is written.
 * @returns what is configured for it
 * @throws MountError MOUNT_PREPARED_REFUSED; MOUNT_GIT_FAILED; `signal.reason`
 */
export async function wantUsable({ path, directory, url, signal }: Inspected): Promise<Settings> {
  const settings = await readConfig(path, [], signal);
  const workTree = settings.get("core.worktree")?.at(-1);
  if (workTree !== undefined && resolve(path, workTree) !== directory)
    throw refused(path, `its working tree is ${resolve(path, workTree)}`);
  const isBare = parseBoolean(settings.get("core.bare")?.at(-1) ?? "false") === true;
  if (!isBare && workTree === undefined && basename(path) === ".git") {
    const files = (await readdir(dirname(path))).filter((name) => name !== ".git");
    if (files.length > 0) {
      const way = "bring a clone made with --bare or --no-checkout";
      throw refused(path, `it is the .git of a working tree with files: ${way}`);
    }
  }
  const urls = [
    ...(settings.get("remote.origin.url") ?? []),
    ...(settings.get("remote.origin.pushurl") ?? []),
  ];
  const why = urls.map(whyRefused).find((each) => each !== undefined);
  if (why !== undefined) throw refused(path, `the address of its origin ${why}`);
  const [origin] = settings.get("remote.origin.url") ?? [];
  if (origin !== undefined && (await plainAddress(origin)) !== (await plainAddress(url)))
    throw refused(path, `its origin is ${concealSecrets(origin)}, and not ${concealSecrets(url)}`);
  return settings;
}

/** An address as two have it in common that mean the same. */
async function plainAddress(address: string): Promise<string> {
  const bare = address.replace(/^file:\/\/(?=\/)|^millrace::/i, "").replace(/(?:\/|\/?\.git)+$/, "");
  if (!bare.startsWith("/")) return URL.canParse(bare) ? new URL(bare).href.replace(/\/$/, "") : bare;
  for (const each of [bare, join(bare, ".git"), `${bare}.git`]) {
    const found = await realpath(each).catch(() => undefined);
    if (found !== undefined) return found.replace(/(?:\/|\/?\.git)+$/, "");
  }
  return bare;
}

/** What is thrown for a git directory that was brought and cannot be had. */
export function refused(path: string, why: string, cause?: unknown): MountError {
  return new MountError("MOUNT_PREPARED_REFUSED", `${path} cannot be mounted on: ${why}`, { cause });
}
