import { realpath } from "node:fs/promises";
import { join } from "node:path";
import type { Oid } from "@millrace/pack";
import { openMeanings } from "./filters/checkout.ts";
import { nameRoot, showsObjects } from "./filters/checkout-trees.ts";
import { objectOf } from "./filters/content-id.ts";
import { readSettings } from "./filters/settings.ts";
import { mountView, type ViewContent, type ViewMount } from "./front/fuse/mount-view.ts";
import type { ViewState } from "./front/view-control.ts";
import type { FuseViewData } from "./front/fuse/worker.ts";
import type { ServedSource } from "./front/serve-source.ts";
import type { WaitingMount } from "./front/fuse/waiting-mount.ts";
import { Gate } from "./gate.ts";
import { whereGitIs } from "./git-directory/where.ts";
import type { FileOrder } from "./hydrator/file-order.ts";
import { sizesOf } from "./hydrator/sizes-of.ts";
import type { HydratorCounts } from "./hydrator/fetcher.ts";
import { makeFolder } from "./make-folder.ts";
import { type MountParts, type OpenParts, openParts } from "./mount-parts.ts";
import { lockStateFolder } from "./overlay/state-lock.ts";
import type { Place } from "./place.ts";
import { Redirects } from "./redirect/redirects.ts";
import type { RedirectWish } from "./redirect/schema.ts";
import { run } from "./running-mount.ts";
import type { TreeContent } from "./view/view.ts";

/** What is mounted where. */
export interface RepositoryMountOptions {
  /** Stays the caller's. */
  readonly place: Place;
  /** A branch, a tag, an id or `HEAD`. */
  readonly name: string;
  /** An existing directory. */
  readonly directory: string;
  /** A folder of this mount's own, which is made: its git directory and what was changed are in it, and stay when the mount has ended. */
  readonly stateFolder: string;
  /**
   * Where its git directory is to be, which is made: a path at which nothing is. It is known from then on. Default: in the state folder.
   */
  readonly gitDirectory?: string | undefined;
  /**
   * A git directory that somebody has brought, a clone of the same repository say: git works in it, and it stays theirs. Default: one is
   * made.
   */
  readonly preparedGitDirectory?: string | undefined;
  /** A folder for files' contents, which mounts share; it is made. */
  readonly cacheFolder: string;
  /** Default 10 GiB. */
  readonly cacheBytes?: number | undefined;
  /** Whose the files are. Default: who runs this. */
  readonly uid?: number | undefined;
  readonly gid?: number | undefined;
  /** Other users may read, and write where permissions let them. Default false. */
  readonly allowOther?: boolean | undefined;
  /** Nothing can be written, and what was changed before does not show. Default false. */
  readonly readOnly?: boolean | undefined;
  /** Files of git-lfs show, fetched from its server when they are read, and not their pointers. Default false. */
  readonly lfs?: boolean | undefined;
  /** Whether the history behind the mounted commit is fetched, in the background. Default true. */
  readonly withHistory?: boolean | undefined;
  /** The commit that `name` must lead to, in full. */
  readonly requireCommit?: string | undefined;
  /** Commits of the history, from the mounted one on. Default: all. */
  readonly depth?: number | undefined;
  /** How long whoever looks into a directory waits for its tree before they get EIO, in milliseconds. Default: two minutes. */
  readonly treeWaitMs?: number | undefined;
  /**
   * Directories that are to be on the native disk, beside those that are already. They stay so, in later mounts of the state folder, too. `onFault` is
   * told of those that cannot be.
   */
  readonly redirects?: readonly RedirectWish[] | undefined;
  /** Told of each fault that a reader has met, and of those in the background. */
  readonly onFault?: ((error: unknown) => void) | undefined;
  /**
   * Told each time that what the mount lacks could not be fetched, trees and sizes, before that is tried again; and of `undefined` when
   * it is here.
   */
  readonly onLacking?: ((error: unknown) => void) | undefined;
  /** Told when the git directory is in place, before the mount is answered. What it throws ends the mount. */
  readonly onPrepared?: (() => Promise<void>) | undefined;
  /** A mount of that directory that waits for its files already; it stays the caller's until it shows them. Default: one is made. */
  readonly waiting?: Promise<WaitingMount> | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A mounted repository. Disposing unmounts it, whoever uses it. */
export interface RepositoryMount extends AsyncDisposable {
  readonly directory: string;
  readonly commit: string;
  /** Of the branch that is mounted; `undefined` for a tag or an id. */
  readonly branch: string | undefined;
  readonly gitDirectory: string;
  /** The directories that are on the native disk. */
  readonly redirects: Redirects;
  /**
   * Resolves when git's index is there, so that git works inside (who uses it earlier waits), and directories are redirected. Rejects
   * with what stood in the way and does not pass by itself.
   */
  readonly ready: Promise<void>;
  /** Resolves when the history is there, or is not to be. Rejects with what stood in the way. */
  readonly history: Promise<void>;
  /** As `Mount.ended`. */
  readonly ended: Promise<void>;
  readonly counts: Readonly<HydratorCounts>;
  /** What lies below local changes, and how many there are; `undefined` where nothing can be written. */
  state(): Promise<ViewState | undefined>;
  /** @internal */
  readonly parts: MountParts;
  /** As `Mount.unmount`. */
  unmount(options?: { readonly lazy?: boolean | undefined }): Promise<void>;
}

/**
 * Mounts a repository: resolves when its root can be listed. All other trees follow behind the mount; who looks for one waits.
 * @throws what the place throws; MountError MOUNT_BAD_STATE, MOUNT_BAD_TREE, MOUNT_STATE_LOCKED, MOUNT_STATE_UNLOCKABLE,
 *   MOUNT_OVERLAY_DAMAGED; of a prepared git directory as `adoptGitDirectory` does; FuseError as `mount` does
 */
export async function mountRepository(options: RepositoryMountOptions): Promise<RepositoryMount> {
  const directory = await realpath(options.directory);
  await makeFolder(options.stateFolder);
  const stateFolder = await realpath(options.stateFolder);
  const unlock = lockStateFolder(stateFolder);
  try {
    return await open(options, { directory, stateFolder, unlock });
  } catch (error) {
    unlock();
    throw error;
  }
}

/** Where a mount is, without symbolic links, and what lets go of its state. */
interface Locked {
  readonly directory: string;
  readonly stateFolder: string;
  readonly unlock: () => void;
}

async function open(options: RepositoryMountOptions, locked: Locked): Promise<RepositoryMount> {
  const { place, name, requireCommit, depth, allowOther, readOnly = false, onFault } = options;
  const { gitDirectory, preparedGitDirectory } = options;
  const { directory, stateFolder, unlock } = locked;
  const path = await whereGitIs({ stateFolder, directory, gitDirectory, preparedGitDirectory });
  const { uid = process.geteuid?.() ?? 0, gid = process.getegid?.() ?? 0 } = options;
  const gate = new Gate();
  const stop = new AbortController();
  const signal = options.signal === undefined ? stop.signal : AbortSignal.any([options.signal, stop.signal]);
  let arrived = (_root: ShownRoot): void => undefined;
  const arrival = new Promise<ShownRoot>((resolve) => (arrived = resolve));
  const given = { path, lfs: options.lfs ?? false, environment: process.env };
  let know = (_files: FileOrder | undefined): void => undefined;
  const files = new Promise<FileOrder | undefined>((resolve) => (know = resolve));
  const meanings = openMeanings(stateFolder);
  // As they are now: files that come from now on are written by them.
  const settings = readSettings({ ...given, signal });
  settings.catch(() => undefined);
  const redirects = new Redirects({
    directory,
    stateFolder,
    gitDirectory: path,
    readOnly,
    onFault: (error) => {
      if (!stop.signal.aborted) onFault?.(error);
    },
  });
  const rootOf = async (tree: Oid): Promise<Oid> => await nameRoot(tree, await settings, meanings);
  const opening = openParts({
    git: {
      path,
      workTree: directory,
      broughtFor: preparedGitDirectory === undefined ? undefined : stateFolder,
      place,
      name,
      requireCommit,
      depth,
      treeWaitMs: options.treeWaitMs,
      signal,
      onRoot: ({ tree, mtimeSeconds }, format, treeContent) =>
        arrived({ tree, mtimeSeconds, format, treeContent }),
    },
    checkout: { stateFolder, files: meanings, settings: given, url: place.url },
    cacheFolder: options.cacheFolder,
    cacheBytes: options.cacheBytes,
  });
  // Where all was here before, nothing arrives.
  const first = Promise.race([arrival, opening.then(mountedRoot)]);
  const root = first.then(async ({ tree }) => await rootOf(tree));
  root.catch(() => undefined);
  const source = opening.then(({ git, cache, checkout, sizes }): ServedSource => {
    const tree = async (id: Oid): Promise<TreeContent> => {
      const tree = await checkout.tree(id, (oid) => git.trees.read(oid));
      return { ...tree, sizes: sizesOf(tree.content, git.format, sizes) };
    };
    return {
      tree,
      walked: {
        format: git.format,
        root: () => root,
        isHere: (id) => git.trees.isAtHand(objectOf(id)),
        tree,
      },
      gitWorks: () => gate.pass(),
      promised: async () => (await files)?.sorted() ?? new Uint8Array(),
      blobs: checkout.blobs,
      files: cache,
      onFault,
    };
  });
  const shown = async (): Promise<ViewContent> => {
    const [shownRoot, tree] = [await first, await root];
    const { treeContent } = shownRoot;
    const isPlain = treeContent !== undefined && showsObjects(tree, treeContent);
    return {
      view: {
        ...shownRoot,
        tree,
        treeContent: isPlain ? treeContent : undefined,
        gitFile: Buffer.from(`gitdir: ${path}\n`),
        gitDirectory: path,
        overlayFolder: readOnly ? undefined : join(stateFolder, "overlay"),
        uid,
        gid,
      },
      source,
    };
  };
  source.catch(() => undefined);
  let mount: ViewMount | undefined;
  try {
    // The thread that serves is started while the root is fetched, and what the mount works with is put in place while it is mounted.
    mount =
      options.waiting === undefined
        ? await mountView({ directory, name: mountNameOf(place.address), allowOther, readOnly }, shown())
        : await (await options.waiting).show(shown());
    const parts = await opening;
    await options.onPrepared?.();
    const root = await rootOf(parts.git.prepared.tree);
    for (const wish of options.redirects ?? []) {
      try {
        redirects.ask([wish]);
      } catch (error) {
        // The mount is there without it.
        onFault?.(error);
      }
    }
    return run(options, { ...parts, root, mount, gate, know, redirects, uid, gid, unlock });
  } catch (error) {
    stop.abort(error);
    await mount?.[Symbol.asyncDispose]();
    const parts = await opening.catch(() => undefined);
    await parts?.hydrator[Symbol.asyncDispose]();
    await parts?.git[Symbol.asyncDispose]();
    throw error;
  }
}

/** What is shown first. */
type ShownRoot = Pick<FuseViewData, "format" | "tree" | "treeContent" | "mtimeSeconds">;

function mountedRoot({ git }: OpenParts): ShownRoot {
  const { tree, mtimeSeconds } = git.prepared;
  return { format: git.format, tree, mtimeSeconds };
}

/** As /proc/mounts can have it. */
export function mountNameOf(address: string): string {
  return `millrace:${address.replace(/[^\w.:@/-]/g, "_")}`.slice(0, 128);
}
