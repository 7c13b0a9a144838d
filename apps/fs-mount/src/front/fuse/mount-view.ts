import type { MessagePort } from "node:worker_threads";
import { type Mount, mount, type MountOptions } from "@millrace/fuse";
import { MountError, type MountErrorCode } from "../../errors.ts";
import { FUSE_WORKER } from "../../worker-files.ts";
import { type ServedSource, serveSource } from "../serve-source.ts";
import { openControl, type ViewControl } from "../view-control.ts";
import type { FuseViewData } from "./worker.ts";

/** Where and how a view is mounted. */
export interface ViewPlace {
  /** An existing directory. */
  readonly directory: string;
  /** In /proc/mounts. */
  readonly name?: string | undefined;
  readonly allowOther?: boolean | undefined;
  /** Set-user-id bits and devices count. Default false. */
  readonly trusted?: boolean | undefined;
  /** Nothing can be written. Default false. */
  readonly readOnly?: boolean | undefined;
}

/** What a view is made of. */
export interface ViewContent {
  readonly view: FuseViewData;
  /** Where it is still to come, what is asked waits for it; whoever mounts takes the mount away where it rejects. */
  readonly source: ServedSource | Promise<ServedSource>;
}

/** A mounted view. */
export interface ViewMount extends Mount {
  /** Of a view that can be written to. */
  readonly control: ViewControl | undefined;
}

/**
 * Mounts the files of a tree, which can be changed where there is a folder for that. They are served from a thread of their own, which
 * asks this one for what it does not have; it is started while `content` is still to come.
 * @throws FuseError as `mount` does; MountError MOUNT_OVERLAY_DAMAGED; what `content` rejects with, and then nothing was mounted
 */
export async function mountView(
  place: ViewPlace,
  content: ViewContent | Promise<ViewContent>,
): Promise<ViewMount> {
  const given = Promise.resolve(content);
  let control: ViewControl | undefined;
  const mounted = await mount({
    ...fuseOptionsOf(place),
    module: FUSE_WORKER,
    data: given.then(({ view }) => view),
    connect: (port) =>
      void given.then((content) => {
        control = serveContent(port, content);
      }),
  }).catch((error: unknown) => {
    throw ofView(error);
  });
  return { ...mounted, control };
}

/** How the kernel is asked for a view. */
export function fuseOptionsOf({
  directory,
  name,
  allowOther,
  trusted,
  readOnly,
}: ViewPlace): Omit<MountOptions, "module"> {
  // Who checks permissions asks for attributes first, and those wait for a size. A mount for one user needs no checks.
  return { directory, name, allowOther, trusted, readOnly, defaultPermissions: allowOther === true };
}

/** Answers the thread of a view over its port. @returns the view's control, where it can be written to */
export function serveContent(port: MessagePort, { view, source }: ViewContent): ViewControl | undefined {
  const control = view.overlayFolder === undefined ? undefined : openControl(port);
  // What comes over the port before somebody listens waits there.
  Promise.resolve(source).then(
    (served) => serveSource(port, served),
    () => undefined,
  );
  return control;
}

/** What stood in the view's way, where the thread told that: an error that comes from a thread has lost its class. */
function ofView(error: unknown): unknown {
  if (error instanceof MountError) return error;
  const { cause } = error as { readonly cause?: unknown };
  const { code, message } = (cause ?? {}) as { readonly code?: unknown; readonly message?: unknown };
  if (typeof code !== "string" || !code.startsWith("MOUNT_")) return error;
  return new MountError(code as MountErrorCode, String(message), { cause: error });
}
