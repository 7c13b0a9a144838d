/**
 * One native folder, flat, whose files are told to the kernel as they are; for tests of passthrough. `.counts` tells how often
 * READ and WRITE have come; `.plain-next` and `.other-next` are switches: a lookup of theirs makes the next open tell of no
 * native file, or open another one (the file's name with `.new` behind).
 */
import {
  closeSync,
  constants,
  fstatSync,
  fsyncSync,
  ftruncateSync,
  openSync,
  readSync,
  statSync,
  writeSync,
} from "node:fs";
import { join } from "node:path";
import { type Attributes, type Entry, Errno, type FileSystem, OPENED, ROOT_ID } from "../../src/index.ts";

const COUNTS = 2;

export function createFileSystem({
  folder,
  passthrough,
}: {
  folder: string;
  passthrough: boolean;
}): FileSystem {
  const names = ["", "", ".counts"];
  const handles = new Map<number, number>();
  let [reads, writes] = [0, 0];
  let next: "plain" | "other" | undefined;
  const seconds = (ms: number) => ({ seconds: Math.floor(ms / 1000), nanoseconds: 0 });
  const attributes = (nodeId: number, fd?: number): Attributes => {
    const path = join(folder, nodeId === ROOT_ID || nodeId === COUNTS ? "" : (names[nodeId] ?? ""));
    const found = fd === undefined ? statSync(path) : fstatSync(fd);
    return {
      ino: nodeId,
      sizeBytes: found.size,
      blocks: found.blocks,
      nlink: 1,
      uid: found.uid,
      gid: found.gid,
      rdev: 0,
      atime: seconds(found.atimeMs),
      mtime: seconds(found.mtimeMs),
      ctime: seconds(found.ctimeMs),
      mode: nodeId === COUNTS ? constants.S_IFREG | 0o444 : found.mode,
      blockSizeBytes: 4096,
    };
  };
  const idOf = (name: string): number => {
    const known = names.indexOf(name, 2);
    return known >= 0 ? known : names.push(name) - 1;
  };
  const entry = (name: string): Entry => {
    const nodeId = idOf(name);
    return { nodeId, attributes: attributes(nodeId), entryTimeoutMs: 60_000, attributesTimeoutMs: 0 };
  };
  const opened = (nodeId: number) => {
    const [how, suffix] = [next, next === "other" ? ".new" : ""];
    next = undefined;
    const fd = openSync(join(folder, `${names[nodeId]}${suffix}`), "r+");
    handles.set(fd, fd);
    return { handle: fd, flags: OPENED.KEEP_CACHE, backingFd: how === "plain" ? undefined : fd };
  };
  return {
    passthrough,
    lookup(_parent, name) {
      if (name === ".plain-next" || name === ".other-next") {
        next = name === ".plain-next" ? "plain" : "other";
        throw new Errno("ENOENT");
      }
      return entry(name);
    },
    getattr: (nodeId) => ({ attributes: attributes(nodeId), timeoutMs: 0 }),
    setattr(nodeId, { sizeBytes }) {
      if (sizeBytes !== undefined) {
        const fd = openSync(join(folder, names[nodeId] ?? ""), "r+");
        ftruncateSync(fd, sizeBytes);
        closeSync(fd);
      }
      return { attributes: attributes(nodeId), timeoutMs: 0 };
    },
    open: (nodeId) => (nodeId === COUNTS ? { handle: 0, flags: OPENED.DIRECT_IO } : opened(nodeId)),
    create(_parent, name, mode) {
      closeSync(openSync(join(folder, name), "wx", mode));
      return { ...opened(idOf(name)), entry: entry(name) };
    },
    read(nodeId, handle, offset, sizeBytes) {
      if (nodeId === COUNTS) return Buffer.from(`${reads} ${writes}\n`).subarray(offset);
      reads++;
      const buffer = Buffer.allocUnsafe(sizeBytes);
      return buffer.subarray(0, readSync(handle, buffer, 0, sizeBytes, offset));
    },
    write(_nodeId, handle, offset, data) {
      writes++;
      return writeSync(handle, data, 0, data.length, offset);
    },
    fsync: (_nodeId, handle) => fsyncSync(handle),
    release(_nodeId, handle) {
      if (handles.delete(handle)) closeSync(handle);
    },
  };
}
