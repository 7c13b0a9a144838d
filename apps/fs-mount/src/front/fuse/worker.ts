/** The module that a mount loads in the thread that serves it: the view lives here, beside the kernel's requests. */
import type { MessagePort } from "node:worker_threads";
import type { FileSystem, Notifier } from "@millrace/fuse";
import type { ObjectFormat, Oid } from "@millrace/pack";
import { mayWriteTrees } from "../../git-directory/tree-writers.ts";
import { OverlayView } from "../../overlay/overlay-view.ts";
import { BaseView } from "../../view/base-view.ts";
import { SortedIds } from "../../hydrator/sorted-ids.ts";
import type { ViewSource } from "../../view/view.ts";
import { whenHere } from "../../view/wait.ts";
import { connectSource } from "../remote-source.ts";
import { serveControl } from "../view-control.ts";
import { withChangesFiles } from "./changes-files.ts";
import { type PromisedObjects, withPromisedObjects } from "./promised-objects.ts";
import type { ViewFileSystemOptions } from "./shown-nodes.ts";
import { createViewFileSystem, createWritableFileSystem } from "./view-file-system.ts";
import { createWaitingFileSystem, type WaitingFileSystemOptions } from "./waiting-file-system.ts";
import type { FromWaiting, ToWaiting } from "./waiting-mount.ts";

/** What a mount of a view is started with. */
export interface FuseViewData extends ViewFileSystemOptions {
  readonly format: ObjectFormat;
  readonly tree: Oid;
  /** Its content, where that is at hand. */
  readonly treeContent?: Uint8Array | undefined;
  readonly mtimeSeconds: number;
  readonly gitFile: Uint8Array | undefined;
  /** The git directory that borrows what is promised; without, nothing is. */
  readonly gitDirectory?: string | undefined;
  /** Where local changes are kept, which nobody else works on; without, nothing can be changed. */
  readonly overlayFolder?: string | undefined;
}

/** What a mount is started with whose files are still to come. */
export interface WaitingData extends WaitingFileSystemOptions {
  readonly isWaiting: true;
}

export function createFileSystem(given: unknown, _notifier: Notifier, port?: MessagePort): FileSystem {
  if (port === undefined) throw new TypeError("A mount of a view wants a channel to its content");
  const data = given as FuseViewData | WaitingData;
  return "isWaiting" in data ? waitForView(data, port) : openView(data, port);
}

/** A file system that becomes a view when it is told of one. */
function waitForView(options: WaitingData, port: MessagePort): FileSystem {
  const waiting = createWaitingFileSystem(options);
  port.once("message", ({ telling }: { readonly telling: MessagePort }) => {
    telling.on("message", (told: ToWaiting) => {
      if (!("view" in told)) {
        waiting.fail();
        return;
      }
      let answer: FromWaiting = { shown: true };
      try {
        waiting.become(openView(told.view, port));
      } catch (error) {
        const { message, code } = error as { readonly message?: unknown; readonly code?: unknown };
        answer = {
          error: { message: String(message), code: typeof code === "string" ? code : undefined },
        };
      }
      telling.postMessage(answer, []);
    });
    telling.unref();
    port.on("close", () => telling.close());
  });
  return waiting.fileSystem;
}

function openView(data: FuseViewData, port: MessagePort): FileSystem {
  const { uid, gid, overlayFolder, gitDirectory, treeContent, ...base } = data;
  const owner = { uid, gid };
  // The source hears of nothing before this thread comes to a rest, and the control's port comes first.
  const source = withTree(connectSource(port), base.tree, treeContent);
  const withPromised = (inner: FileSystem): FileSystem => {
    if (gitDirectory === undefined) return inner;
    const promised: PromisedObjects = {
      areShownTo: (pid) => mayWriteTrees(gitDirectory, pid),
      ids: promisedIds(source, base.format),
      blobs: source.blobs,
    };
    return withPromisedObjects(inner, promised, owner);
  };
  if (overlayFolder === undefined)
    return withPromised(createViewFileSystem(new BaseView({ ...base, source }), owner));
  const view = new OverlayView({ ...base, source, folder: overlayFolder, isLocked: true });
  serveControl(port, view);
  return withPromised(withChangesFiles(createWritableFileSystem(view, owner), view.changes, owner));
}

/** Asks for them when somebody wants to know the first time, and again where that failed. */
function promisedIds(source: ViewSource, format: ObjectFormat): PromisedObjects["ids"] {
  let here: SortedIds | undefined;
  return (waiting) =>
    here ??
    whenHere(source.promised?.(waiting) ?? new Uint8Array(), (ids) => (here ??= new SortedIds(format, ids)));
}

/** A source that need not ask for one tree the first time. */
function withTree(source: ViewSource, tree: Oid, content: Uint8Array | undefined): ViewSource {
  let here = content;
  return {
    ...source,
    tree(oid) {
      if (oid !== tree || here === undefined) return source.tree(oid);
      const first = { content: here };
      here = undefined;
      return first;
    },
  };
}
