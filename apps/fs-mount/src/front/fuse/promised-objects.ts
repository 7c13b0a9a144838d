import {
  type Attributes,
  type Caller,
  type DirectoryEntry,
  type Entry,
  Errno,
  type FileSystem,
  OPENED,
  ROOT_ID,
} from "@millrace/fuse";
import { type Blobs, EXPLICIT_READ } from "../../hydrator/blobs.ts";
import type { SortedIds } from "../../hydrator/sorted-ids.ts";
import { PROMISED_FOLDER } from "../../promised-folder.ts";
import { type LooseObject, openLooseObject } from "../../view/loose-object.ts";
import type { Answer, Waiting } from "../../view/view.ts";
import { whenHere } from "../../view/wait.ts";
import { need } from "./need.ts";
import type { ViewFileSystemOptions } from "./shown-nodes.ts";

/** Blobs that a repository may be told it has, and their contents. */
export interface PromisedObjects {
  /** Whether this process is to be told so now. */
  areShownTo(pid: number): Answer<boolean>;
  /** They are the same each time. */
  ids(waiting: Waiting): Answer<SortedIds>;
  readonly blobs: Pick<Blobs, "open">;
}

/** Node ids above those of a view and of `withChangesFiles`: the folder, its 256 directories, then each object by its place. */
const FOLDER_ID = 2 ** 52 + 2 ** 51;
const FIRST_DIRECTORY_ID = FOLDER_ID + 1;
const FIRST_OBJECT_ID = FIRST_DIRECTORY_ID + 256;

/** What never changes. */
const LONG_MS = 86_400_000;
const ABSENT = { absentForMs: LONG_MS };
const DIRECTORY_MODE = 0o040555;
const FILE_MODE = 0o100444;
const O_ACCMODE = 3;
const NEVER = { seconds: 0, nanoseconds: 0 };
const BYTES: readonly string[] = Array.from({ length: 256 }, (_, n) => n.toString(16).padStart(2, "0"));

/** What would change something. */
const CHANGES = [
  "setattr",
  "mknod",
  "mkdir",
  "symlink",
  "unlink",
  "rmdir",
  "rename",
  "link",
  "create",
  "setxattr",
  "removexattr",
] as const;
type Handler = (nodeId: number, ...rest: readonly unknown[]) => unknown;

/**
 * A file system with a folder (`PROMISED_FOLDER`) in which each of these blobs is a loose object while they are shown, so that git takes
 * what is promised for what is here: to see that, it lists a directory or asks for a file's attributes, which fetches nothing. Who opens
 * one has the blob fetched, and reads what git would have written. Until then its length is told as 0.
 */
export function withPromisedObjects(
  inner: FileSystem,
  { areShownTo, ids, blobs }: PromisedObjects,
  owner: ViewFileSystemOptions,
): FileSystem {
  const open = new Map<number, { readonly nodeId: number; readonly object: LooseObject }>();
  let lastHandle = 0;

  /** Lengths are looked for among what is open: few files are at a time. */
  const lengthOf = (nodeId: number): number => {
    for (const each of open.values()) if (each.nodeId === nodeId) return each.object.sizeBytes;
    return 0;
  };
  const attributes = (nodeId: number): Attributes => ({
    ino: nodeId,
    sizeBytes: lengthOf(nodeId),
    blocks: Math.ceil(lengthOf(nodeId) / 512),
    atime: NEVER,
    mtime: NEVER,
    ctime: NEVER,
    mode: nodeId < FIRST_OBJECT_ID ? DIRECTORY_MODE : FILE_MODE,
    nlink: 1,
    ...owner,
    rdev: 0,
    blockSizeBytes: 4096,
  });
  /** Objects come and go, and have a length when they are open: the kernel keeps nothing of them. */
  const keptMs = (nodeId: number): number => (nodeId < FIRST_OBJECT_ID ? LONG_MS : 0);
  const tell = (nodeId: number): Entry => ({
    nodeId,
    attributes: attributes(nodeId),
    entryTimeoutMs: keptMs(nodeId),
    attributesTimeoutMs: keptMs(nodeId),
  });
  const shownTo = (caller: Caller): Answer<SortedIds | undefined> =>
    whenHere(areShownTo(caller.pid), (areShown) => (areShown ? ids(caller) : undefined));
  const lookupOwn = (parent: number, name: string, caller: Caller): ReturnType<Lookup> => {
    if (parent === FOLDER_ID) {
      const byte = BYTES.indexOf(name);
      return byte < 0 ? ABSENT : tell(FIRST_DIRECTORY_ID + byte);
    }
    const directory = BYTES[parent - FIRST_DIRECTORY_ID];
    if (directory === undefined) throw new Errno("ENOTDIR");
    return whenHere(shownTo(caller), (sorted) => {
      const place = sorted?.find(directory + name) ?? -1;
      return place < 0 ? undefined : tell(FIRST_OBJECT_ID + place);
    });
  };
  const refused: Partial<Record<(typeof CHANGES)[number], Handler>> = {};
  for (const name of CHANGES) {
    const handler = inner[name] as Handler | undefined;
    if (handler === undefined) continue;
    refused[name] = (nodeId, ...rest) => {
      if (isOwn(nodeId)) throw new Errno("EROFS");
      return handler(nodeId, ...rest);
    };
  }

  return {
    ...inner,
    ...(refused as Pick<FileSystem, (typeof CHANGES)[number]>),
    lookup(parent, name, caller) {
      if (isOwn(parent)) return lookupOwn(parent, name, caller);
      if (parent === ROOT_ID && name === PROMISED_FOLDER) return tell(FOLDER_ID);
      return inner.lookup?.(parent, name, caller);
    },
    forget(nodeId, count) {
      if (!isOwn(nodeId)) inner.forget?.(nodeId, count);
    },
    getattr(nodeId, handle, caller) {
      if (!isOwn(nodeId)) return need(inner.getattr)(nodeId, handle, caller);
      return { attributes: attributes(nodeId), timeoutMs: keptMs(nodeId) };
    },
    open(nodeId, flags, caller) {
      if (!isOwn(nodeId)) return need(inner.open)(nodeId, flags, caller);
      if ((flags & O_ACCMODE) !== 0) throw new Errno("EROFS");
      return whenHere(ids(caller), async (sorted) => {
        const oid = sorted.at(nodeId - FIRST_OBJECT_ID);
        const blob = await blobs.open(oid, EXPLICIT_READ, caller.signal);
        open.set(++lastHandle, { nodeId, object: openLooseObject(blob) });
        return { handle: lastHandle, flags: OPENED.KEEP_CACHE };
      });
    },
    read(nodeId, handle, offset, sizeBytes, caller) {
      if (!isOwn(nodeId)) return need(inner.read)(nodeId, handle, offset, sizeBytes, caller);
      const opened = open.get(handle);
      if (opened === undefined) throw new Errno("EBADF");
      return opened.object.read(offset, sizeBytes, caller);
    },
    release(nodeId, handle) {
      if (!isOwn(nodeId)) return inner.release?.(nodeId, handle);
      open.get(handle)?.object.close();
      open.delete(handle);
    },
    opendir(nodeId, flags, caller) {
      if (!isOwn(nodeId)) return need(inner.opendir)(nodeId, flags, caller);
      return { handle: 0 };
    },
    readdir(nodeId, handle, offset, plus, caller) {
      if (!isOwn(nodeId)) return need(inner.readdir)(nodeId, handle, offset, plus, caller);
      if (nodeId === FOLDER_ID) return listFolder(offset);
      // Who has read its beginning goes on.
      return whenHere(offset > 0 ? ids(caller) : shownTo(caller), (sorted) =>
        sorted === undefined ? [] : listDirectory(sorted, nodeId, offset),
      );
    },
    releasedir(nodeId, handle) {
      if (!isOwn(nodeId)) return inner.releasedir?.(nodeId, handle);
    },
    destroy() {
      for (const { object } of open.values()) object.close();
      open.clear();
      return inner.destroy?.();
    },
  };
}

type Lookup = NonNullable<FileSystem["lookup"]>;

function isOwn(nodeId: number): boolean {
  return nodeId >= FOLDER_ID;
}

function* listFolder(offset: number): Generator<DirectoryEntry> {
  for (let n = offset; n < BYTES.length; n++) {
    yield { name: BYTES[n]!, ino: FIRST_DIRECTORY_ID + n, mode: DIRECTORY_MODE, nextOffset: n + 1 };
  }
}

function* listDirectory(sorted: SortedIds, nodeId: number, offset: number): Generator<DirectoryEntry> {
  const directory = BYTES[nodeId - FIRST_DIRECTORY_ID];
  if (directory === undefined) throw new Errno("ENOTDIR");
  const first = sorted.from(directory);
  for (let place = first + offset; place < sorted.length; place++) {
    const oid = sorted.at(place);
    if (!oid.startsWith(directory)) return;
    const nextOffset = place - first + 1;
    yield { name: oid.slice(2), ino: FIRST_OBJECT_ID + place, mode: FILE_MODE, nextOffset };
  }
}
