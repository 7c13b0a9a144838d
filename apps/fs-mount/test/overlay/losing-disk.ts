import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { FileSystem } from "@millrace/fuse";
import { createFileSystem as createMemory } from "@millrace/fuse/memory";

/** What a folder has, by name: the number of the file, and whether it is a folder. */
type Names = Record<string, { readonly id: number; readonly isFolder: boolean }>;

const ROOT = 1;
const O_RDWR = 2;
const [RENAME_EXCHANGE, S_IFMT, S_IFDIR] = [2, 0o170000, 0o040000];

/**
 * A disk from which a loss of power takes all that was not synced, as POSIX allows: a content that `fsync` was not called on, and a
 * name whose folder it was not called on. It is a file system in memory, for `mount`, which notes below `record` what is
 * synced; `afterPowerLoss` makes a folder out of that.
 */
export function createFileSystem(data: unknown): FileSystem {
  const { record } = data as { record: string };
  const memory = createMemory();
  const folders = new Map<number, Map<string, { id: number; isFolder: boolean }>>([[ROOT, new Map()]]);
  const namesOf = (id: number): Map<string, { id: number; isFolder: boolean }> => {
    const names = folders.get(id) ?? new Map<string, { id: number; isFolder: boolean }>();
    folders.set(id, names);
    return names;
  };
  /** Makes a handler that notes the name of what the memory has made. */
  const making =
    (kind: "mkdir" | "mknod" | "create" | "symlink" | "link") =>
    (...args: unknown[]): unknown => {
      const made = (memory[kind] as (...given: unknown[]) => unknown).apply(memory, args);
      const { nodeId, attributes } = ((made as { entry?: unknown }).entry ?? made) as {
        nodeId: number;
        attributes: { mode: number };
      };
      const [parent, name] = kind === "link" ? args.slice(1) : args;
      const isFolder = (attributes.mode & S_IFMT) === S_IFDIR;
      namesOf(parent as number).set(name as string, { id: nodeId, isFolder });
      return made;
    };
  const removing =
    (kind: "unlink" | "rmdir") =>
    (parent: number, name: string, ...rest: unknown[]): void => {
      (memory[kind] as (...given: unknown[]) => void).apply(memory, [parent, name, ...rest]);
      namesOf(parent).delete(name);
    };
  const own: Record<string, unknown> = {
    mkdir: making("mkdir"),
    mknod: making("mknod"),
    create: making("create"),
    symlink: making("symlink"),
    link: making("link"),
    unlink: removing("unlink"),
    rmdir: removing("rmdir"),
    rename(from: number, name: string, to: number, newName: string, flags: number, caller: never) {
      void memory.rename!(from, name, to, newName, flags, caller);
      const [moved, there] = [namesOf(from).get(name)!, namesOf(to).get(newName)];
      if ((flags & RENAME_EXCHANGE) !== 0 && there !== undefined) namesOf(from).set(name, there);
      else namesOf(from).delete(name);
      namesOf(to).set(newName, moved);
    },
    fsync(nodeId: number, _handle: number, _dataOnly: boolean, caller: never) {
      const { attributes } = memory.getattr!(nodeId, undefined, caller) as {
        attributes: { sizeBytes: number };
      };
      const { handle } = memory.open!(nodeId, O_RDWR, caller) as { handle: number };
      const content = memory.read!(nodeId, handle, 0, attributes.sizeBytes, caller);
      note(record, `file-${nodeId}`, Buffer.concat([content].flat() as Uint8Array[]));
      void memory.release?.(nodeId, handle);
    },
    fsyncdir(nodeId: number) {
      note(record, `folder-${nodeId}`, JSON.stringify(Object.fromEntries(namesOf(nodeId))));
    },
  };
  return new Proxy(memory, {
    get(target, key) {
      const value: unknown = own[key as string] ?? Reflect.get(target, key);
      return typeof value === "function" && own[key as string] === undefined ? value.bind(target) : value;
    },
  });
}

/** Makes a folder of what the disk had synced. A file that was never synced is empty where its name was. */
export function afterPowerLoss(record: string, folder: string): void {
  const restore = (id: number, path: string): void => {
    mkdirSync(path, { recursive: true });
    const names = JSON.parse(recorded(record, `folder-${id}`)?.toString() ?? "{}") as Names;
    for (const [name, { id: child, isFolder }] of Object.entries(names)) {
      if (isFolder) restore(child, join(path, name));
      else writeFileSync(join(path, name), recorded(record, `file-${child}`) ?? "");
    }
  };
  restore(ROOT, folder);
}

function recorded(record: string, name: string): Buffer | undefined {
  try {
    return readFileSync(join(record, name));
  } catch {
    return undefined;
  }
}

/** Whole or not at all: the disk may be taken away while it notes. */
function note(record: string, name: string, content: Uint8Array | string): void {
  writeFileSync(join(record, ".new"), content);
  renameSync(join(record, ".new"), join(record, name));
}
