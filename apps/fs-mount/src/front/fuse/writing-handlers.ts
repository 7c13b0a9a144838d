import {
  type AttributeChange as AskedChange,
  type Caller,
  type Entry,
  Errno,
  type FileSystem,
  WRITE_KILL_SUIDGID,
} from "@millrace/fuse";
import { isDirectory, S_IFDIR, S_IFLNK, S_IFREG } from "../../view/mode.ts";
import type { Answer, ViewNode } from "../../view/view.ts";
import { whenHere } from "../../view/wait.ts";
import type { AttributeChange, NewNode, WritableView } from "../../view/writable-view.ts";
import type { OpenFiles } from "./open-files.ts";
import type { ShownNodes } from "./shown-nodes.ts";

const [S_ISUID, S_ISGID, S_IXGRP] = [0o4000, 0o2000, 0o010];
const [O_ACCMODE, O_RDONLY, O_EXCL] = [3, 0, 0o200];
/** Of `fuse_write_in.write_flags`: pages of a mapping, whoever has it open, which have their place. */
const WRITE_CACHE = 1;
const MAX_NAME_BYTES = 255;

/**
 * The handlers that change files. What they do not have the kernel does itself or answers: reads and writes in place of
 * `copy_file_range`, no holes for `lseek`, EOPNOTSUPP for `fallocate`, for which libc then writes zeros.
 */
export function writingHandlers(
  view: WritableView,
  nodes: ShownNodes,
  files: OpenFiles,
): Omit<FileSystem, "lookup"> {
  const { owner } = nodes;
  /** The mount's own owner is not written down: it is whom a later mount is given to. */
  const ownerOf = ({ uid, gid }: Caller): Pick<NewNode, "uid" | "gid"> => ({
    uid: uid === owner.uid ? undefined : uid,
    gid: gid === owner.gid ? undefined : gid,
  });
  const make = (parent: number, name: string, made: NewNode, caller: Caller): Answer<ViewNode> =>
    view.make(view.node(parent), name, { ...made, ...ownerOf(caller) }, caller);
  const told = (made: Answer<ViewNode>): Answer<Entry> => whenHere(made, (node) => nodes.tell(node));

  return {
    killsPrivileges: true,
    setattr(nodeId, change, caller) {
      const node = view.node(nodeId);
      const { sizeBytes } = change;
      const sized = sizeBytes === undefined ? undefined : view.truncate(node, sizeBytes, caller);
      return whenHere(sized, () => {
        const others = otherChanges(node, change, nodes, caller);
        if (others !== undefined) view.setAttributes(node, others);
        return nodes.stat(node, caller);
      });
    },
    symlink: (parent, name, target, caller) =>
      told(make(parent, name, { mode: S_IFLNK | 0o777, target }, caller)),
    mknod: (parent, name, mode, rdev, caller) => told(make(parent, name, { mode, rdev }, caller)),
    mkdir: (parent, name, mode, caller) =>
      told(make(parent, name, { mode: S_IFDIR | (mode & 0o7777) }, caller)),
    unlink: (parent, name, caller) => view.remove(view.node(parent), name, "unlink", caller),
    rmdir: (parent, name, caller) => view.remove(view.node(parent), name, "rmdir", caller),
    rename(parent, name, newParent, newName, flags, caller) {
      return view.rename(view.node(parent), name, view.node(newParent), newName, flags, caller);
    },
    link: (nodeId, newParent, newName, caller) =>
      told(view.link(view.node(nodeId), view.node(newParent), newName, caller)),
    open(nodeId, flags, caller) {
      const node = view.node(nodeId);
      // Who opens a file to write may be about to cut it: nothing is fetched before somebody reads.
      if ((flags & O_ACCMODE) !== O_RDONLY) return files.add(view.openForWriting(node), flags);
      return whenHere(view.open(node, caller), (file) => files.add(file, flags));
    },
    create(parent, name, mode, flags, caller) {
      const directory = view.node(parent);
      return whenHere(view.lookup(directory, name, caller), (there) => {
        if (there !== undefined && (flags & O_EXCL) !== 0) throw new Errno("EEXIST");
        const node = there ?? make(parent, name, { mode: S_IFREG | (mode & 0o7777) }, caller);
        return whenHere(node, (made) => ({
          ...files.add(view.openForWriting(made), flags),
          entry: nodes.tell(made),
        }));
      });
    },
    write(nodeId, handle, offset, data, writeFlags, caller) {
      const node = view.node(nodeId);
      if ((writeFlags & WRITE_KILL_SUIDGID) !== 0) {
        const mode = withoutPrivileges(node, nodes, caller.gid);
        if (mode !== node.attributes.mode) view.setAttributes(node, { mode });
      }
      const isAppending = (writeFlags & WRITE_CACHE) === 0 && files.get(handle).isAppending;
      // The kernel may not know where a file ends that nobody has asked the size of.
      return view.write(node, isAppending ? "end" : offset, data, caller);
    },
    fsync: (nodeId) => view.sync(view.node(nodeId)),
    fsyncdir: (nodeId) => view.sync(view.node(nodeId)),
    statfs: () => ({ ...view.space, maxNameBytes: MAX_NAME_BYTES }),
    setxattr: (nodeId, name, value, flags) => view.setXattr(view.node(nodeId), name, value, flags),
    getxattr: (nodeId, name) => view.getXattr(view.node(nodeId), name),
    listxattr: (nodeId) => view.listXattrs(view.node(nodeId)),
    removexattr: (nodeId, name) => view.removeXattr(view.node(nodeId), name),
    async destroy() {
      files.closeAll();
      await view.close();
    },
  };
}

/** What is asked for but the size; `undefined` where that is all. A truncation sets its times itself. */
function otherChanges(
  node: ViewNode,
  { mode, uid, gid, atime, mtime, sizeBytes, killPrivileges }: AskedChange,
  nodes: ShownNodes,
  caller: Caller,
): AttributeChange | undefined {
  const { uid: uidNow = nodes.owner.uid, gid: gidNow = nodes.owner.gid } = node.attributes;
  const isGiven = uid !== undefined || gid !== undefined;
  let newMode = mode;
  if (isGiven) newMode ??= withoutPrivileges(node, nodes);
  else if (killPrivileges) newMode ??= withoutPrivileges(node, nodes, caller.gid);
  const isPlain = newMode === undefined && atime === undefined && mtime === undefined && !isGiven;
  if (isPlain && sizeBytes !== undefined) return undefined;
  return {
    mode: newMode,
    uid: uid === uidNow ? undefined : uid,
    gid: gid === gidNow ? undefined : gid,
    atime,
    mtime: sizeBytes !== undefined && mtime === "now" ? undefined : mtime,
  };
}

/**
 * A mode without the bits that a change of owner takes from a file, or a write by somebody without the right to keep them.
 * @param writer group of who writes: of their other groups the kernel tells nothing, so that the bit goes in doubt
 */
function withoutPrivileges(node: ViewNode, nodes: ShownNodes, writer?: number): number {
  const { mode, gid = nodes.owner.gid } = node.attributes;
  if (isDirectory({ mode })) return mode;
  // Without the group's x-bit it never meant "run as that group".
  const isCleared = (mode & S_IXGRP) !== 0 || (writer !== undefined && writer !== gid);
  return mode & ~S_ISUID & ~(isCleared ? S_ISGID : 0);
}
