/** The module that a mount loads in the thread that serves it: the view lives here, beside the kernel's requests. */
import type { MessagePort } from "node:worker_threads";
import type { FileSystem, Notifier } from "@millrace/fuse";
import type { ObjectFormat, Oid } from "@millrace/pack";
import { OverlayView } from "../../overlay/overlay-view.ts";
import { BaseView } from "../../view/base-view.ts";
import { connectSource } from "../remote-source.ts";
import type { ViewFileSystemOptions } from "./shown-nodes.ts";
import { createViewFileSystem, createWritableFileSystem } from "./view-file-system.ts";

/** What a mount of a view is started with. */
export interface FuseViewData extends ViewFileSystemOptions {
  readonly format: ObjectFormat;
  readonly tree: Oid;
  readonly mtimeSeconds: number;
  readonly gitFile: Uint8Array | undefined;
  /** Where local changes are kept, which nobody else works on; without, nothing can be changed. */
  readonly overlayFolder?: string | undefined;
}

export function createFileSystem(data: unknown, _notifier: Notifier, port?: MessagePort): FileSystem {
  if (port === undefined) throw new TypeError("A mount of a view wants a channel to its content");
  const { uid, gid, overlayFolder, ...base } = data as FuseViewData;
  const shown = { ...base, source: connectSource(port) };
  if (overlayFolder === undefined) return createViewFileSystem(new BaseView(shown), { uid, gid });
  const view = new OverlayView({ ...shown, folder: overlayFolder, isLocked: true });
  return createWritableFileSystem(view, { uid, gid });
}
