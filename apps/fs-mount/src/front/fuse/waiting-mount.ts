import { MessageChannel, type MessagePort } from "node:worker_threads";
import { type Mount, mount } from "@millrace/fuse";
import { MountError, type MountErrorCode } from "../../errors.ts";
import { waitFor } from "../../view/wait.ts";
import { FUSE_WORKER } from "../../worker-files.ts";
import {
  fuseOptionsOf,
  serveContent,
  type ViewContent,
  type ViewMount,
  type ViewPlace,
} from "./mount-view.ts";
import type { ViewFileSystemOptions } from "./shown-nodes.ts";
import type { FuseViewData } from "./worker.ts";

/** What a thread is told whose files are still to come. */
export type ToWaiting = { readonly view: FuseViewData } | { readonly fails: true };
/** What it answers a view with. */
export type FromWaiting =
  | { readonly shown: true }
  | { readonly error: { readonly message: string; readonly code: string | undefined } };

/**
 * A mount whose files are still to come: who looks into it waits, and may leave; `stat` of its root and `df` do not wait.
 * Disposing takes it away, whoever waits.
 */
export interface WaitingMount extends Pick<Mount, "directory" | "ended" | "unmount">, AsyncDisposable {
  /**
   * Shows files, and whoever waits goes on. Where it throws, they wait still: for another try, or for `fail`.
   * @throws what `content` rejects with; MountError MOUNT_OVERLAY_DAMAGED, MOUNT_NOT_MOUNTED where the mount has ended meanwhile
   */
  show(content: ViewContent | Promise<ViewContent>): Promise<ViewMount>;
  /** Nothing comes for now: who waits gets EIO, and so does who looks into it from now on, until files are shown after all. */
  fail(): void;
}

/** Mounts before there is anything to show. Throws as `mount` does. */
export async function mountWaiting(place: ViewPlace, owner: ViewFileSystemOptions): Promise<WaitingMount> {
  let port: MessagePort | undefined;
  const { port1: telling, port2 } = new MessageChannel();
  const isWritable = place.readOnly !== true;
  const mounted = await mount({
    ...fuseOptionsOf(place),
    module: FUSE_WORKER,
    data: { isWaiting: true, isWritable, uid: owner.uid, gid: owner.gid },
    connect: (given) => {
      port = given;
      given.postMessage({ telling: port2 }, [port2]);
    },
  });
  telling.unref();
  const stop = new AbortController();
  const end = (): void => {
    stop.abort(new MountError("MOUNT_NOT_MOUNTED", "somebody has unmounted it"));
    telling.close();
  };
  mounted.ended.then(end, end);
  const ask = async (view: FuseViewData): Promise<void> => {
    const answer = new Promise<FromWaiting>((resolve) => telling.once("message", resolve));
    telling.postMessage({ view } satisfies ToWaiting, []);
    const told = await waitFor(answer, stop.signal);
    telling.unref();
    if ("shown" in told) return;
    const { message, code } = told.error;
    if (code?.startsWith("MOUNT_") === true) throw new MountError(code as MountErrorCode, message);
    throw Object.assign(new Error(message), { code });
  };
  return {
    directory: mounted.directory,
    ended: mounted.ended,
    unmount: mounted.unmount,
    async show(content) {
      const given = await waitFor(Promise.resolve(content), stop.signal);
      await ask(given.view);
      return { ...mounted, control: serveContent(port!, given) };
    },
    fail: () => telling.postMessage({ fails: true } satisfies ToWaiting, []),
    [Symbol.asyncDispose]: mounted[Symbol.asyncDispose],
  };
}
