/** The module that a mount loads in the thread that serves it: the view lives here, beside the kernel's requests. */
import type { MessagePort } from "node:worker_threads";
import type { FileSystem, Notifier } from "@millrace/fuse";
import type { ObjectFormat, Oid } from "@millrace/pack";
import { OverlayView } from "../../overlay/overlay-view.ts";
import { BaseView } from "../../view/base-view.ts";
import { connectSource } from "../remote-source.ts";
import { serveControl } from "../view-control.ts";
import { withChangesFiles } from "./changes-files.ts";
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
  if (overlayFolder === undefined)
    return createViewFileSystem(new BaseView({ ...base, source: connectSource(port) }), { uid, gid });
  // The source hears of nothing before this thread comes to a rest, and the control's port comes first.
  const source = connectSource(port);
  const view = new OverlayView({ ...base, source, folder: overlayFolder, isLocked: true });
  serveControl(port, view);
  return withChangesFiles(createWritableFileSystem(view, { uid, gid }), view.changes, { uid, gid });
}
