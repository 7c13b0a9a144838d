import { setTimeout as sleep } from "node:timers/promises";
import type { Oid } from "@millrace/pack";
import { MountError } from "./errors.ts";
import type { ViewMount } from "./front/fuse/mount-view.ts";
import type { Gate } from "./gate.ts";
import { borrowFrom, borrowFromNoMount, promisedFolder } from "./git-directory/alternates.ts";
import { HeadWatcher } from "./git-directory/head-watcher.ts";
import { FileOrder } from "./hydrator/file-order.ts";
import type { OpenParts } from "./mount-parts.ts";
import type { RepositoryMount, RepositoryMountOptions } from "./mount-repository.ts";
import type { Redirects } from "./redirect/redirects.ts";
import { untilItWorks } from "./until-it-works.ts";

/** How long taking redirections away may hold up the end of a mount, in milliseconds. */
const HIDE_MS = 10_000;

/** What a mount goes on with. */
export interface Running extends OpenParts {
  readonly mount: ViewMount;
  /** What the mounted tree is called. */
  readonly root: Oid;
  readonly gate: Gate;
  /** Told the files of the mounted commit when they are known, or that they will not be. */
  readonly know: (files: FileOrder | undefined) => void;
  readonly redirects: Redirects;
  readonly uid: number;
  readonly gid: number;
  readonly unlock: () => void;
}

/** What goes on while it is mounted, and what is closed when it is no longer. */
export function run(
  { withHistory = true, onFault, onLacking }: RepositoryMountOptions,
  running: Running,
): RepositoryMount {
  const { mount, gate, know, git, hydrator, cache, checkout, root, sizes, saveSizes, redirects } = running;
  const { uid, gid, unlock } = running;
  const stop = new AbortController();
  const { signal } = stop;
  const note = (error: unknown): void => {
    if (!signal.aborted) onFault?.(error);
  };
  const index = {
    uid,
    gid,
    signal,
    checkout: {
      root,
      rootOf: (tree: Oid, stop: AbortSignal | undefined) => checkout.root(tree, stop),
      tree: checkout.tree,
      blobs: checkout.blobs,
    },
    beginning: mount.control?.beginning,
    onSize: (oid: Oid, sizeBytes: number) => sizes.learn(oid, sizeBytes),
    onFiles: (oids: readonly Oid[], of: Oid) => {
      const files = new FileOrder(git.format, oids);
      hydrator.follow(files);
      // Of another commit some may have been made here, and nobody promises those.
      if (of === root) know(files);
    },
  };
  const lacking = (error: unknown): void => {
    note(error);
    gate.fail(error);
    onLacking?.(error);
  };
  const folder = promisedFolder(mount.directory);
  let lending = Promise.resolve();
  const lend = (): void => {
    lending = borrowFrom(git.path, [folder]).catch(note);
  };
  const takeBack = async (): Promise<void> => {
    await lending;
    await borrowFromNoMount(git.path).catch(note);
  };
  lend();
  if (git.hasIndex) gate.open();
  const restored = redirects.restore();
  const indexed = untilItWorks(() => git.writeIndex(index), { signal, onFault: lacking }).then(async () => {
    gate.open();
    onLacking?.(undefined);
    await saveSizes().catch(note);
  });
  indexed.then(
    () => know(undefined),
    () => know(undefined),
  );
  const ready = Promise.all([indexed, restored, lending]).then(() => redirects.make());
  const history = indexed.then(async () => {
    if (!withHistory || (await git.isComplete())) return;
    await untilItWorks(() => git.fetchHistory({ signal }), { signal, onFault: note });
  });
  ready.catch(() => undefined);
  history.catch(() => undefined);

  const { control } = mount;
  const watcher =
    control === undefined
      ? undefined
      : new HeadWatcher({
          path: git.path,
          onFault: note,
          onMove: async () => {
            const tree = await git.headTree({ signal });
            if (tree !== undefined) await control.rebase(await checkout.root(tree, signal));
          },
        });

  const close = async (): Promise<void> => {
    const why = new MountError("MOUNT_STOPPED", "the mount has ended");
    stop.abort(why);
    gate.fail(why);
    try {
      await takeBack();
      await redirects.stop();
      await watcher?.close();
      await history.catch(() => undefined);
      checkout.close();
      await hydrator[Symbol.asyncDispose]();
      await saveSizes().catch(note);
      await git[Symbol.asyncDispose]();
    } finally {
      unlock();
    }
  };
  const ended = mount.ended.finally(close);
  ended.catch(() => undefined);
  const { commit, branch } = git.prepared;
  return {
    directory: mount.directory,
    commit,
    branch,
    gitDirectory: git.path,
    redirects,
    ready,
    history,
    ended,
    get counts() {
      return hydrator.counts;
    },
    state: async () => await control?.state(),
    parts: { git, hydrator, cache },
    async unmount(how) {
      await redirects.hide(how?.lazy ?? false);
      await takeBack();
      try {
        await mount.unmount(how);
      } catch (error) {
        lend();
        await redirects.unhide();
        throw error;
      }
      await ended;
    },
    async [Symbol.asyncDispose]() {
      // Where the mount hangs they go with it.
      const hidden = redirects.hide(true).catch(() => undefined);
      await Promise.race([hidden, sleep(HIDE_MS, undefined, { ref: false })]);
      await takeBack();
      await mount[Symbol.asyncDispose]();
      await ended.catch(() => undefined);
    },
  };
}
