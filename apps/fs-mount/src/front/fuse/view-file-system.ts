import {
  type Attributes,
  type DirectoryEntry,
  type Entry,
  Errno,
  type FileSystem,
  OPENED,
  ROOT_ID,
} from "@millrace/fuse";
import type { Answer, ListedEntry, OpenFile, View, ViewNode } from "../../view/view.ts";

/** How a view is shown through the kernel. */
export interface ViewFileSystemOptions {
  readonly uid: number;
  readonly gid: number;
}

/** What nothing changes without our telling the kernel is kept for a day. */
const LONG_MS = 86_400_000;

const MODES: Readonly<Record<ViewNode["kind"], number>> = {
  file: 0o100644,
  executable: 0o100755,
  symlink: 0o120777,
  directory: 0o040755,
};

/** A directory that is open: its listing, and the node it belongs to. */
interface OpenDirectory {
  readonly node: ViewNode;
  readonly entries: readonly ListedEntry[];
}

/** A view as a file system of the kernel's. Nothing can be written: mount it read-only. */
export function createViewFileSystem(view: View, { uid, gid }: ViewFileSystemOptions): FileSystem {
  const files = new Map<number, OpenFile>();
  const directories = new Map<number, OpenDirectory>();
  let lastHandle = 0;

  const attributesOf = (node: ViewNode, sizeBytes: number): Attributes => {
    const time = { seconds: node.mtimeSeconds, nanoseconds: 0 };
    return {
      ino: node.ino,
      sizeBytes,
      blocks: Math.ceil(sizeBytes / 512),
      atime: time,
      mtime: time,
      ctime: time,
      mode: MODES[node.kind],
      // One also for directories, as some native file systems have it: nobody may conclude from it that there are no others inside.
      nlink: 1,
      uid,
      gid,
      rdev: 0,
      blockSizeBytes: 4096,
    };
  };
  const entryOf = (node: ViewNode): Entry => {
    const { sizeBytes } = node;
    return {
      nodeId: node.id,
      attributes: attributesOf(node, sizeBytes ?? 0),
      entryTimeoutMs: LONG_MS,
      // Of unknown size: the kernel asks when somebody wants to know it, and that waits.
      attributesTimeoutMs: sizeBytes === undefined ? 0 : LONG_MS,
    };
  };
  const told = (node: ViewNode | undefined): Entry | { absentForMs: number } => {
    if (node === undefined) return { absentForMs: LONG_MS };
    view.retain(node.id);
    return entryOf(node);
  };
  const opened = (file: OpenFile): { handle: number; flags: number } => {
    files.set(++lastHandle, file);
    return { handle: lastHandle, flags: OPENED.KEEP_CACHE };
  };
  const openedDirectory = (node: ViewNode, entries: readonly ListedEntry[]) => {
    directories.set(++lastHandle, { node, entries });
    return { handle: lastHandle, flags: OPENED.CACHE_DIR | OPENED.KEEP_CACHE };
  };

  return {
    lookup(parent, name, caller) {
      return then(view.lookup(view.node(parent), name, caller), told);
    },
    forget(nodeId, count) {
      view.forget(nodeId, count);
    },
    referenced(nodeId) {
      view.retain(nodeId);
    },
    getattr(nodeId, _handle, caller) {
      const node = view.node(nodeId);
      return then(view.size(node, caller), (sizeBytes) => ({
        attributes: attributesOf(node, sizeBytes),
        timeoutMs: LONG_MS,
      }));
    },
    readlink: (nodeId, caller) => view.readlink(view.node(nodeId), caller),
    open(nodeId, _flags, caller) {
      return then(view.open(view.node(nodeId), caller), opened);
    },
    read(_nodeId, handle, offset, sizeBytes, caller) {
      const file = files.get(handle);
      if (file === undefined) throw new Errno("EBADF");
      return file.read(offset, sizeBytes, caller);
    },
    release(_nodeId, handle) {
      files.get(handle)?.close();
      files.delete(handle);
    },
    opendir(nodeId, _flags, caller) {
      const node = view.node(nodeId);
      return then(view.list(node, caller), (entries) => openedDirectory(node, entries));
    },
    readdir(_nodeId, handle, offset, plus) {
      const directory = directories.get(handle);
      if (directory === undefined) throw new Errno("EBADF");
      return lines(view, directory, offset, plus ? entryOf : undefined);
    },
    releasedir(_nodeId, handle) {
      directories.delete(handle);
    },
    statfs: () => ({
      blocks: 0,
      freeBlocks: 0,
      availableBlocks: 0,
      files: 0,
      freeFiles: 0,
      blockSizeBytes: 4096,
      maxNameBytes: 255,
    }),
    destroy() {
      for (const file of files.values()) file.close();
      files.clear();
    },
  };
}

/**
 * The lines of a directory from one on. Where the kernel would take nodes, it gets those of known size: the size that it is told
 * with a node counts, so the others are looked up by those who want them.
 */
function* lines(
  view: View,
  { node, entries }: OpenDirectory,
  offset: number,
  entryOf: ((node: ViewNode) => Entry) | undefined,
): Generator<DirectoryEntry> {
  const mode = MODES.directory;
  if (offset < 1) yield { name: ".", ino: node.id === ROOT_ID ? 1 : node.ino, mode, nextOffset: 1 };
  if (offset < 2) yield { name: "..", ino: view.parent(node).ino, mode, nextOffset: 2 };
  for (let i = Math.max(0, offset - 2); i < entries.length; i++) {
    const entry = entries[i]!;
    const line = { name: entry.name, ino: entry.ino, mode: MODES[entry.kind], nextOffset: i + 3 };
    const child = entryOf === undefined ? undefined : view.child(node, entry);
    const isKnown = child?.sizeBytes !== undefined;
    yield isKnown && entryOf !== undefined ? { ...line, entry: entryOf(child) } : line;
  }
}

function then<T, R>(answer: Answer<T>, make: (value: T) => R): Answer<R> {
  return answer instanceof Promise ? answer.then(make) : make(answer);
}
