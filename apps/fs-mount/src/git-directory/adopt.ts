import type { Oid } from "@millrace/pack";
import type { ConfigEntry } from "@millrace/storage";
import { MountError } from "../errors.ts";
import { lockGitDirectory } from "../overlay/state-lock.ts";
import { readState, writeState } from "../state-file.ts";
import { broughtFile } from "./where.ts";
import { findDamageAt } from "./damage.ts";
import { hookConfig, writeHook } from "./fsmonitor-hook.ts";
import { giveBack } from "./give-back.ts";
import { refused, wantGitDirectory, wantUsable } from "./inspect.ts";
import { lendSettings, type Settings } from "./lent-settings.ts";
import { endMove, moveHead } from "./move-head.ts";
import {
  acquiredAt,
  definedSettings,
  findName,
  type FoundName,
  type GitDirectoryOptions,
} from "./prepare.ts";
import { runGit } from "./run-git.ts";
import { Brought, type Prepared } from "./schema.ts";
import { fetchUpstream, upstreamRef } from "./upstream.ts";

/** A git directory that somebody has brought, and a mount works on. Disposing gives it back: settings and lock. */
export interface Adopted extends AsyncDisposable {
  readonly prepared: Prepared;
}

/** As those of a git directory of ours; with a working tree always, and for a mount. */
export type AdoptOptions = GitDirectoryOptions & { readonly broughtFor: string };

/** A clone without trees fetches those that git looks for. */
const MAY_FETCH = { GIT_NO_LAZY_FETCH: "0" };

/**
 * Takes a git directory that somebody has brought, a clone that git has made, for a mount: git says whether it is one, what the name
 * leads to is fetched into it, and its branch and HEAD go there. What a mount of the same state folder has adopted already is taken as it is, with
 * the server or without. Where anything stands in the way, it is as it was.
 * @throws MountError MOUNT_PREPARED_REFUSED, MOUNT_PREPARED_DAMAGED, MOUNT_STATE_LOCKED where another mount works on it; as `moveHead`
 *   does; MOUNT_BAD_STATE where the name leads to no commit; what the place throws
 */
export async function adoptGitDirectory(options: AdoptOptions): Promise<Adopted> {
  const { path, place, workTree = path, requireCommit, depth, signal } = options;
  if (requireCommit !== undefined || depth !== undefined)
    throw refused(path, "it has the history that it has: no required commit, and no depth");
  const format = await wantGitDirectory(path, signal);
  const unlock = lock(path);
  try {
    // What a mount that was killed has left.
    await endMove(path);
    await giveBack(path);
    const settings = await wantUsable({ path, directory: workTree, url: place.url, signal });
    const file = broughtFile(options.broughtFor);
    const known = readState(file, Brought)?.prepared;
    await wantWhole(path, known?.commit, signal);
    await writeHook(path);
    let prepared = known;
    if (prepared === undefined) {
      const there = await place.source.objectFormat({ signal });
      if (there !== format) throw refused(path, `its objects are ${format}, those of its origin ${there}`);
      const found = await findName(options);
      await lendSettings(path, settingsFor(options, settings, found.branch));
      prepared = await bring(options, found);
      writeState(file, { version: 1, path, prepared } satisfies Brought);
    } else await lendSettings(path, settingsFor(options, settings, prepared.branch));
    return {
      prepared,
      async [Symbol.asyncDispose]() {
        // What cannot be given back now is by the next mount, or by who removes it.
        await giveBack(path).catch(() => undefined);
        unlock();
      },
    };
  } catch (error) {
    await giveBack(path).catch(() => undefined);
    unlock();
    throw error;
  }
}

function lock(path: string): () => void {
  try {
    return lockGitDirectory(path);
  } catch (error) {
    if (error instanceof MountError) throw error;
    throw refused(path, (error as Error).message, error);
  }
}

async function wantWhole(path: string, commit: Oid | undefined, signal?: AbortSignal): Promise<void> {
  const damage = await findDamageAt(path, commit, { environment: MAY_FETCH, signal });
  if (damage === undefined) return;
  throw new MountError("MOUNT_PREPARED_DAMAGED", `${path} is damaged: ${damage.words}`);
}

const USUAL_REFSPEC = "+refs/heads/*:refs/remotes/origin/*";

/**
 * What a mount needs, and what makes `git pull` and `git push` work inside where nothing else is configured. A mirror is none while it is
 * mounted: a fetch would move branches, and a push all refs.
 */
function settingsFor(
  { path, workTree, place }: AdoptOptions,
  settings: Settings,
  branch: string | undefined,
): ConfigEntry[] {
  const wanted = [
    { key: "core.bare", value: "false" },
    ...(workTree === undefined ? [] : [{ key: "core.worktree", value: workTree }]),
    ...hookConfig(path),
    { key: "core.filemode", value: "true" },
    { key: "core.symlinks", value: "true" },
    { key: "core.ignorecase", value: "false" },
    { key: "gc.auto", value: "0" },
    { key: "maintenance.auto", value: "false" },
    ...definedSettings(place.gitSettings),
  ];
  const refspecs = settings.get("remote.origin.fetch") ?? [];
  if (settings.has("remote.origin.mirror")) wanted.push({ key: "remote.origin.mirror", value: "false" });
  if (!refspecs.every((each) => each.includes(":refs/remotes/")))
    wanted.push({ key: "remote.origin.fetch", value: USUAL_REFSPEC });
  const missing = [
    { key: "remote.origin.url", value: place.url },
    { key: "remote.origin.fetch", value: USUAL_REFSPEC },
  ];
  if (branch !== undefined) {
    const short = branch.slice("refs/heads/".length);
    missing.push({ key: `branch.${short}.remote`, value: "origin" });
    missing.push({ key: `branch.${short}.merge`, value: branch });
  }
  return [...wanted, ...missing.filter(({ key }) => !settings.has(key))];
}

/** Fetches what the name leads to, as a clone of this kind does, and moves HEAD there. */
async function bring(options: AdoptOptions, { ref, branch }: FoundName): Promise<Prepared> {
  const { path, place, name, signal } = options;
  const ask = async (...args: string[]): Promise<string> =>
    (await runGit({ path, args, environment: MAY_FETCH, signal })).trim();
  const leadsTo = async (what: string): Promise<string | undefined> =>
    await ask("rev-parse", "--verify", "--quiet", `${what}^{commit}`).catch((error: unknown) => {
      if ((error as { readonly code?: unknown }).code !== "MOUNT_GIT_FAILED") throw error;
      return undefined;
    });
  let commit: string | undefined;
  if (ref !== undefined) {
    await fetchUpstream(path, ref, { asCloned: true, tracks: branch !== undefined, signal });
    commit = await leadsTo(upstreamRef(ref));
  } else if (/^[0-9a-f]{4,64}$/i.test(name)) commit = await leadsTo(name);
  if (commit === undefined) throw new MountError("MOUNT_BAD_STATE", `${name} leads to no commit`);
  const reason = `mount: of ${place.address}`;
  const mounted = await moveHead({ path, branch, commit, reason, signal });
  const [tree = "", time = ""] = (await ask("log", "-1", "--format=%T %ct", mounted, "--")).split(" ");
  const nowSeconds = Math.floor(Date.now() / 1000);
  return { ...acquiredAt(Number(time), nowSeconds), commit: mounted, tree, branch, ref };
}
