import { Errno, type FileSystem } from "@millrace/fuse";
import type { View } from "../../view/view.ts";
import { whenHere } from "../../view/wait.ts";
import type { WritableView } from "../../view/writable-view.ts";
import { OpenDirectories } from "./open-directories.ts";
import { OpenFiles } from "./open-files.ts";
import { ShownNodes, type ViewFileSystemOptions } from "./shown-nodes.ts";
import { writingHandlers } from "./writing-handlers.ts";

/** A view as a file system of the kernel's. Nothing can be written: mount it read-only. */
export function createViewFileSystem(view: View, options: ViewFileSystemOptions): FileSystem {
  return readingHandlers(view, new ShownNodes(view, options), new OpenFiles());
}

/** A view that can be written to as a file system of the kernel's. */
export function createWritableFileSystem(view: WritableView, options: ViewFileSystemOptions): FileSystem {
  const nodes = new ShownNodes(view, options);
  const files = new OpenFiles();
  return { ...readingHandlers(view, nodes, files), ...writingHandlers(view, nodes, files) };
}

const MAX_NAME_BYTES = 255;

function readingHandlers(view: View, nodes: ShownNodes, files: OpenFiles): FileSystem {
  const directories = new OpenDirectories(view, nodes);
  return {
    lookup(parent, name, caller) {
      if (name.length > MAX_NAME_BYTES) throw new Errno("ENAMETOOLONG");
      directories.lookup(parent, name);
      return whenHere(view.lookup(view.node(parent), name, caller), (node) =>
        node === undefined ? nodes.tellAbsent() : nodes.tell(node),
      );
    },
    forget(nodeId, count) {
      view.forget(nodeId, count);
    },
    referenced(nodeId) {
      view.retain(nodeId);
    },
    getattr: (nodeId, _handle, caller) => nodes.stat(view.node(nodeId), caller),
    readlink: (nodeId, caller) => view.readlink(view.node(nodeId), caller),
    open(nodeId, flags, caller) {
      return whenHere(view.open(view.node(nodeId), caller), (file) => files.add(file, flags));
    },
    read(_nodeId, handle, offset, sizeBytes, caller) {
      return files.get(handle).file.read(offset, sizeBytes, caller);
    },
    release(_nodeId, handle) {
      files.close(handle);
    },
    opendir: (nodeId, _flags, caller) => directories.open(nodeId, caller),
    readdir: (_nodeId, handle, offset, plus, caller) => directories.read(handle, offset, plus, caller),
    releasedir(_nodeId, handle) {
      directories.close(handle);
    },
    statfs: () => ({
      blocks: 0,
      freeBlocks: 0,
      availableBlocks: 0,
      files: 0,
      freeFiles: 0,
      blockSizeBytes: 4096,
      maxNameBytes: MAX_NAME_BYTES,
    }),
    destroy() {
      files.closeAll();
    },
  };
}
