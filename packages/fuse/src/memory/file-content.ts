import { Errno } from "../errno.ts";
import type { Content } from "./content.ts";
import { type MemoryNode, now } from "./node.ts";
import { MAX_FILE_BYTES, type Space } from "./space.ts";

const [KEEP_SIZE, PUNCH_HOLE, ZERO_RANGE] = [1, 2, 16];
const [SEEK_DATA, SEEK_HOLE] = [3, 4];
const DAY_SECONDS = 86_400;

/** Reads from a file, and remembers when. @throws Errno EISDIR, EINVAL */
export function readFile(node: MemoryNode, offset: number, sizeBytes: number): readonly Uint8Array[] {
  // As with `relatime`: the first read after a change counts, and one a day.
  const { atime, mtime, ctime } = node;
  if (!later(atime, mtime) || !later(atime, ctime) || Date.now() / 1000 - atime.seconds > DAY_SECONDS)
    node.atime = now();
  return contentOf(node).read(offset, sizeBytes);
}

/** Writes into a file. @throws Errno EISDIR, EINVAL, EFBIG, ENOSPC */
export function writeFile(space: Space, node: MemoryNode, offset: number, data: Uint8Array): void {
  const content = contentOf(node);
  space.check(content, offset, data.length);
  space.count(content, () => content.write(offset, data));
}

/** Makes a file so long. @throws Errno EISDIR, EINVAL, EFBIG */
export function truncateFile(space: Space, node: MemoryNode, sizeBytes: number): void {
  const content = contentOf(node);
  if (sizeBytes > MAX_FILE_BYTES) throw new Errno("EFBIG");
  space.count(content, () => content.truncate(sizeBytes));
  node.modified();
}

/** Where the next data or the next hole begins. @throws Errno EISDIR, EINVAL, ENXIO */
export function seekInFile(node: MemoryNode, offset: number, whence: number): number {
  if (whence !== SEEK_DATA && whence !== SEEK_HOLE) throw new Errno("EINVAL");
  const at = contentOf(node).seek(offset, whence === SEEK_DATA ? "data" : "hole");
  if (at === undefined) throw new Errno("ENXIO");
  return at;
}

/** Reserves, clears or takes away a range, as fallocate(2) has it. @throws Errno EOPNOTSUPP, EISDIR, EINVAL, EFBIG, ENOSPC */
export function allocateInFile(
  space: Space,
  node: MemoryNode,
  offset: number,
  lengthBytes: number,
  mode: number,
): void {
  const content = contentOf(node);
  const what = mode & ~KEEP_SIZE;
  if ((what !== 0 && what !== PUNCH_HOLE && what !== ZERO_RANGE) || mode === PUNCH_HOLE)
    throw new Errno("EOPNOTSUPP");
  if (what !== 0) space.count(content, () => content.clear(offset, lengthBytes));
  if (what !== PUNCH_HOLE) {
    space.check(content, offset, lengthBytes);
    space.count(content, () => content.reserve(offset, lengthBytes));
  }
  if ((mode & KEEP_SIZE) === 0) content.sizeBytes = Math.max(content.sizeBytes, offset + lengthBytes);
  node.modified();
}

/** @throws Errno EISDIR, EINVAL where the node is no file */
export function contentOf(node: MemoryNode): Content {
  if (node.content === undefined) throw new Errno(node.isDirectory ? "EISDIR" : "EINVAL");
  return node.content;
}

function later(
  a: { seconds: number; nanoseconds: number },
  b: { seconds: number; nanoseconds: number },
): boolean {
  return a.seconds > b.seconds || (a.seconds === b.seconds && a.nanoseconds > b.nanoseconds);
}
