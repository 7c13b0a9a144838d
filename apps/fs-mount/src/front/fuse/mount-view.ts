import { type Mount, mount } from "@millrace/fuse";
import { MountError, type MountErrorCode } from "../../errors.ts";
import { FUSE_WORKER } from "../../worker-files.ts";
import { type ServedSource, serveSource } from "../serve-source.ts";
import { openControl, type ViewControl } from "../view-control.ts";
import type { FuseViewData } from "./worker.ts";

/** Where and how a view is mounted. */
export interface MountViewOptions extends FuseViewData {
  /** An existing directory. */
  readonly directory: string;
  /** In /proc/mounts. */
  readonly name?: string | undefined;
  readonly allowOther?: boolean | undefined;
  /** Set-user-id bits and devices count. Default false. */
  readonly trusted?: boolean | undefined;
  readonly source: ServedSource;
}

/** A mounted view. */
export interface ViewMount extends Mount {
  /** Of a view that can be written to. */
  readonly control: ViewControl | undefined;
}

/**
 * Mounts the files of a tree, read-only where there is no folder for changes. They are served from a thread of their own, which asks
 * this one for what it does not have.
 * @throws FuseError as `mount` does; MountError MOUNT_OVERLAY_DAMAGED
 */
export async function mountView(options: MountViewOptions): Promise<ViewMount> {
  const { directory, name, allowOther, trusted, source, ...data } = options;
  let control: ViewControl | undefined;
  const mounted = await mount({
    trusted,
    directory,
    module: FUSE_WORKER,
    data: data satisfies FuseViewData,
    connect: (port) => {
      if (data.overlayFolder !== undefined) control = openControl(port);
      serveSource(port, source);
    },
    name,
    allowOther,
    // Who checks permissions asks for attributes first, and those wait for a size. A mount for one user needs no checks.
    defaultPermissions: allowOther === true,
    readOnly: data.overlayFolder === undefined,
  }).catch((error: unknown) => {
    throw ofView(error);
  });
  return { ...mounted, control };
}

/** What stood in the view's way, where the thread told that: an error that comes from a thread has lost its class. */
function ofView(error: unknown): unknown {
  const { cause } = error as { readonly cause?: unknown };
  const { code, message } = (cause ?? {}) as { readonly code?: unknown; readonly message?: unknown };
  if (typeof code !== "string" || !code.startsWith("MOUNT_")) return error;
  return new MountError(code as MountErrorCode, String(message), { cause: error });
}
