import { Errno, type FileSystem, OPENED, ROOT_ID } from "@millrace/fuse";

/** One file, `now`, that tells the time to whoever reads it. `mount` loads this module in a thread of its own. */
export function createFileSystem(): FileSystem {
  const begun = { seconds: Math.floor(Date.now() / 1000), nanoseconds: 0 };
  const attributes = (nodeId: number) => ({
    ino: nodeId,
    sizeBytes: 0,
    blocks: 0,
    atime: begun,
    mtime: begun,
    ctime: begun,
    mode: nodeId === ROOT_ID ? 0o040555 : 0o100444,
    nlink: 1,
    uid: 0,
    gid: 0,
    rdev: 0,
    blockSizeBytes: 4096,
  });
  return {
    lookup(_parent, name) {
      if (name !== "now") throw new Errno("ENOENT");
      return { nodeId: 2, attributes: attributes(2), entryTimeoutMs: 1000, attributesTimeoutMs: 1000 };
    },
    getattr: (nodeId) => ({ attributes: attributes(nodeId), timeoutMs: 1000 }),
    // Past the page cache: each read asks.
    open: () => ({ handle: 1, flags: OPENED.DIRECT_IO }),
    release: () => undefined,
    read: (_nodeId, _handle, offset) => Buffer.from(`${new Date().toISOString()}\n`).subarray(offset),
    readdir: (_nodeId, _handle, offset) =>
      offset === 0 ? [{ name: "now", ino: 2, mode: 0o100444, nextOffset: 1 }] : [],
  };
}
