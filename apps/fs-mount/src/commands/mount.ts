import { lchown, mkdir } from "node:fs/promises";
import { resolve } from "node:path";
import { z } from "zod";
import { readAddress } from "../address.ts";
import { DurationOrNever } from "../daemon/duration.ts";
import { Refresher } from "../daemon/refresher.ts";
import { AS_IT_IS, CommitId, WHERE_IT_IS } from "../daemon/schema.ts";
import { wordsOf } from "../told-error.ts";
import { chooseCacheFolder, chooseStateFolder } from "../folders.ts";
import { mountRepository, type RepositoryMount } from "../mount-repository.ts";
import { openPlace } from "../place.ts";
import { RedirectPath } from "../redirect/schema.ts";
import { becomeOwner, foreignOwner, type Owner } from "../owner.ts";
import { cannotMount, probeMounting, saysCannotMount } from "./can-mount.ts";
import { createProgress } from "./progress.ts";
import { onSignals } from "./signals.ts";

/** The command line of a mount, as text. */
export interface MountFlags {
  readonly state?: string | undefined;
  readonly cacheDir?: string | undefined;
  readonly cacheBytes?: string | undefined;
  readonly allowOther?: boolean | undefined;
  readonly readOnly?: boolean | undefined;
  readonly lfs?: boolean | undefined;
  readonly uid?: string | undefined;
  readonly gid?: string | undefined;
  readonly history: boolean;
  readonly depth?: string | undefined;
  readonly requireCommit?: string | undefined;
  readonly gitDir?: string | undefined;
  readonly preparedGitdir?: string | undefined;
  readonly waitHistory?: boolean | undefined;
  readonly refresh?: string | undefined;
  readonly redirect?: readonly string[] | undefined;
}

const owner = z.coerce.number().int().min(0).max(0xfffffffe).optional();
const Flags = z
  .object({
    state: z.string().min(1).optional(),
    cacheDir: z.string().min(1).optional(),
    cacheBytes: z.coerce.number().int().positive().optional(),
    allowOther: z.boolean().default(false),
    readOnly: z.boolean().default(false),
    lfs: z.boolean().optional(),
    uid: owner,
    gid: owner,
    history: z.boolean(),
    depth: z.coerce.number().int().positive().optional(),
    requireCommit: CommitId.optional(),
    gitDir: z.string().min(1).optional(),
    preparedGitdir: z.string().min(1).optional(),
    waitHistory: z.boolean().default(false),
    refresh: DurationOrNever.default(30_000),
    redirect: z.array(RedirectPath).default([]),
  })
  .refine(
    ({ preparedGitdir, requireCommit, depth, history }) =>
      preparedGitdir === undefined || (requireCommit === undefined && depth === undefined && history),
    AS_IT_IS,
  )
  .refine((of) => of.preparedGitdir === undefined || of.gitDir === undefined, WHERE_IT_IS);

/** Mounts and stays until the mount has ended or a signal comes. */
export async function mount(repository: string, given: string, asked: MountFlags): Promise<void> {
  const flags = Flags.parse(asked);
  const foreign = await foreignOwner(flags.uid, flags.gid);
  const { state, cacheDir, cacheBytes, allowOther, readOnly, lfs, uid, gid, depth, requireCommit } = flags;
  const { repository: url, name } = readAddress(repository);
  await probeMounting(repository, given);
  const directory = resolve(given);
  await makeDirectory(directory, foreign);
  if (foreign !== undefined) await becomeOwner(foreign);
  const preparedGitDirectory = flags.preparedGitdir && resolve(flags.preparedGitdir);
  const progress = createProgress();
  await using place = await openPlace(url, process.env);
  const stop = new AbortController();
  const signals = onSignals((times) => {
    if (mounted === undefined) stop.abort(new Error("interrupted"));
    else void unmount(mounted, times);
  });
  let mounted: RepositoryMount | undefined;
  let refresher: Refresher | undefined;
  try {
    progress.show(`Fetching the trees of ${place.address}`);
    mounted = await mountRepository({
      place,
      name,
      directory,
      cacheBytes,
      allowOther,
      readOnly,
      lfs,
      uid,
      gid,
      depth,
      requireCommit,
      redirects: flags.redirect.map((path) => ({ path })),
      stateFolder: chooseStateFolder(
        state,
        { url: place.url, name, directory, preparedGitDirectory },
        process.env,
      ),
      gitDirectory: flags.gitDir,
      preparedGitDirectory,
      cacheFolder: chooseCacheFolder(cacheDir, process.env),
      withHistory: flags.history && depth !== 1,
      signal: stop.signal,
      onFault: (error) => process.stderr.write(`millrace-mount: ${wordsOf(error)}\n`),
    });
    refresher = refreshing(mounted, url, flags.refresh);
    progress.show("Writing git's index");
    await Promise.race([mounted.ready, mounted.ended]).catch(() => undefined);
    if (flags.waitHistory) {
      progress.show("Fetching the history");
      await Promise.race([mounted.history, mounted.ended]).catch(() => undefined);
    }
    progress.clear();
    const { commit, branch = name } = mounted;
    const short = branch.replace(/^refs\/heads\//, "");
    process.stdout.write(
      `${place.address}@${short} (${commit.slice(0, 9)}) is at ${mounted.directory}; Ctrl-C unmounts\n`,
    );
    await mounted.ended;
  } catch (error) {
    if (!saysCannotMount(error)) throw error;
    throw cannotMount(wordsOf(error), repository, given, error);
  } finally {
    progress.clear();
    signals.forget();
    await refresher?.stop();
    await mounted?.[Symbol.asyncDispose]();
  }
}

/** Where another user's mount is to be, what is missing of it becomes theirs: `fusermount3` mounts on nothing else for them. */
async function makeDirectory(directory: string, owner: Owner | undefined): Promise<void> {
  const made = await mkdir(directory, { recursive: true });
  if (owner !== undefined && made !== undefined) await lchown(directory, owner.uid, owner.gid);
}

/** Looks at intervals where the remote repository has got to. What stands in the way is said once, until it is another thing. */
function refreshing(mounted: RepositoryMount, url: string, refreshMs: number | null): Refresher {
  let said: string | undefined;
  return new Refresher(mounted, refreshMs, {
    open: () => openPlace(url, process.env),
    refreshed() {
      said = undefined;
      return Promise.resolve();
    },
    failed(words) {
      if (words !== said) process.stderr.write(`millrace-mount: ${words}\n`);
      said = words;
    },
  });
}

/** A first signal unmounts what nobody uses; a second one takes the name away, and whoever uses it goes on to the end. */
async function unmount(mounted: RepositoryMount, times: number): Promise<void> {
  try {
    await mounted.unmount({ lazy: times > 1 });
  } catch (error) {
    const isBusy = (error as { readonly code?: unknown }).code === "FUSE_BUSY";
    const what = isBusy ? "somebody uses the mount; once more takes it away from them" : wordsOf(error);
    process.stderr.write(`millrace-mount: ${what}\n`);
  }
}
