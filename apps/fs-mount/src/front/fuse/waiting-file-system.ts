import { type Caller, Errno, type FileSystem } from "@millrace/fuse";
import { Gate } from "../../gate.ts";
import { ROOT_INO } from "../../view/inode.ts";
import { MODE_OF } from "../../view/mode.ts";
import { waitFor } from "../../view/wait.ts";
import { PROMISED_FOLDER } from "../../promised-folder.ts";
import { need } from "./need.ts";
import type { ViewFileSystemOptions } from "./shown-nodes.ts";

/** How a file system is while its files are still to come. */
export interface WaitingFileSystemOptions extends ViewFileSystemOptions {
  /** Whether files can be changed once they are there. */
  readonly isWritable: boolean;
}

/** A file system whose files are still to come. */
export interface WaitingFileSystem {
  /** The same object from the first request to the last. */
  readonly fileSystem: FileSystem;
  /** From now on it is this one. */
  become(inner: FileSystem): void;
  /** They do not come: who waits, and who asks from now on, gets EIO, until it has become one after all. */
  fail(): void;
}

/** What can be asked of a root of which nothing is known yet, and waits. */
const QUESTIONS = [
  "lookup",
  "setattr",
  "getxattr",
  "listxattr",
  "setxattr",
  "removexattr",
  "fsyncdir",
] as const;
type Question = (...given: readonly unknown[]) => unknown;

/** Handles of directories that were opened before there was anything in them; those of a view are below. */
const FIRST_HANDLE = 2 ** 51;

/**
 * Makes a file system of which all who ask wait, until it becomes another one: they may leave by a signal. `stat` of the root and
 * `statfs` are answered at once, and the root can be opened: that is what `df` does.
 */
export function createWaitingFileSystem({
  uid,
  gid,
  isWritable,
}: WaitingFileSystemOptions): WaitingFileSystem {
  const gate = new Gate();
  let inner: FileSystem = {};
  const passed = async ({ signal }: Caller): Promise<FileSystem> => {
    await waitFor(gate.pass(), signal);
    return inner;
  };
  const later = (question: (typeof QUESTIONS)[number]): Question => {
    return async (...given) => {
      // Bytes of a request are overwritten by the next one.
      const kept = given.map((each) => (each instanceof Uint8Array ? each.slice() : each));
      const handler = (await passed(kept.at(-1) as Caller))[question] as Question | undefined;
      if (handler === undefined) throw new Errno("ENOSYS");
      return await handler.apply(inner, kept);
    };
  };
  const rootBefore = rootOf({ uid, gid });
  const fileSystem: FileSystem = {
    // The kernel asks once, before it asks for anything else.
    killsPrivileges: isWritable,
    ...(Object.fromEntries(QUESTIONS.map((each) => [each, later(each)])) as Pick<
      FileSystem,
      (typeof QUESTIONS)[number]
    >),
    getattr: () => ({ attributes: rootBefore, timeoutMs: 0 }),
    statfs: () => ({ ...NO_SPACE, blockSizeBytes: 4096, maxNameBytes: 255 }),
    ...earlyDirectories(passed, () => inner),
  };
  const lookup = fileSystem.lookup!;
  fileSystem.lookup = (parent, name, caller) => {
    // git looks here for objects in whatever it does, in what is done to show files, too.
    if (name === PROMISED_FOLDER) throw new Errno("ENOENT");
    return lookup(parent, name, caller);
  };
  return {
    fileSystem,
    become(now) {
      const { readdir, releasedir } = fileSystem;
      for (const question of QUESTIONS) delete fileSystem[question];
      // Whoever asks from now on asks it: nothing lies in between, but for directories that were opened before.
      inner = now;
      Object.assign(fileSystem, now, { readdir, releasedir });
      gate.open();
    },
    fail: () => gate.fail(new Errno("EIO")),
  };
}

const NO_SPACE = { blocks: 0, freeBlocks: 0, availableBlocks: 0, files: 0, freeFiles: 0 };

function rootOf(owner: ViewFileSystemOptions) {
  const time = { seconds: Math.floor(Date.now() / 1000), nanoseconds: 0 };
  const size = { sizeBytes: 4096, blocks: 8, blockSizeBytes: 4096 };
  const times = { atime: time, mtime: time, ctime: time };
  return { ino: ROOT_INO, mode: MODE_OF.directory, nlink: 1, rdev: 0, ...size, ...times, ...owner };
}

/** Directories can be opened at once; who reads one waits. */
function earlyDirectories(
  passed: (caller: Caller) => Promise<FileSystem>,
  innerNow: () => FileSystem,
): Required<Pick<FileSystem, "opendir" | "readdir" | "releasedir">> {
  /** Flags of those that were opened before, and their handles from when somebody reads them. */
  const early = new Map<number, { readonly flags: number; handle?: number | undefined }>();
  let lastHandle = FIRST_HANDLE;
  return {
    opendir(_nodeId, flags) {
      early.set(++lastHandle, { flags });
      return { handle: lastHandle };
    },
    readdir(nodeId, handle, offset, plus, caller) {
      const opened = early.get(handle);
      if (opened === undefined) return need(innerNow().readdir)(nodeId, handle, offset, plus, caller);
      return passed(caller).then(async (inner) => {
        opened.handle ??= (await need(inner.opendir)(nodeId, opened.flags, caller)).handle;
        return await need(inner.readdir)(nodeId, opened.handle, offset, plus, caller);
      });
    },
    releasedir(nodeId, handle) {
      const opened = early.get(handle);
      early.delete(handle);
      const there = opened === undefined ? handle : opened.handle;
      return there === undefined ? undefined : innerNow().releasedir?.(nodeId, there);
    },
  };
}
