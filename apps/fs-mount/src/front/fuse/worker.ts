/** The module that a mount loads in the thread that serves it: the view lives here, beside the kernel's requests. */
import type { MessagePort } from "node:worker_threads";
import type { FileSystem, Notifier } from "@millrace/fuse";
import type { ObjectFormat, Oid } from "@millrace/pack";
import { BaseView } from "../../view/base-view.ts";
import { connectSource } from "../remote-source.ts";
import { createViewFileSystem, type ViewFileSystemOptions } from "./view-file-system.ts";

/** What a mount of a view is started with. */
export interface FuseViewData extends ViewFileSystemOptions {
  readonly format: ObjectFormat;
  readonly tree: Oid;
  readonly mtimeSeconds: number;
  readonly gitFile: Uint8Array | undefined;
}

export function createFileSystem(data: unknown, _notifier: Notifier, port?: MessagePort): FileSystem {
  if (port === undefined) throw new TypeError("A mount of a view wants a channel to its content");
  const { uid, gid, ...shown } = data as FuseViewData;
  return createViewFileSystem(new BaseView({ ...shown, source: connectSource(port) }), { uid, gid });
}
