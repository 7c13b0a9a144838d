import { Errno } from "../errno.ts";
import type { FileSystem } from "../file-system.ts";
import type { RequestBody, RequestHeader } from "../protocol/decode.ts";
import {
  attributesBody,
  countBody,
  createBody,
  directoryBody,
  entryBody,
  offsetBody,
  openBody,
  statfsBody,
} from "../protocol/encode.ts";
import type { DirectoryEntry, Entry } from "../protocol/types.ts";
import type { PendingCaller } from "./caller.ts";
import type { Passthrough } from "./passthrough.ts";

/** The body of an answer, and what is to be done where nobody took it or somebody did. */
export interface Body {
  readonly parts: readonly Uint8Array[];
  /** The request was gone when the answer came: references and handles in it were not taken. */
  readonly undo?: (() => void) | undefined;
  /** The answer was taken. */
  readonly taken?: (() => void) | undefined;
}

/** The bits of open flags that say whether is read or written. */
const O_ACCMODE = 3;
const EMPTY: Body = { parts: [] };
const empty = (): Body => EMPTY;

function then<T>(answer: T | Promise<T>, make: (value: T) => Body): Body | Promise<Body> {
  return answer instanceof Promise ? answer.then(make) : make(answer);
}

/**
 * Asks a file system, and makes the body of the answer to a request.
 * @throws what the handler throws; `Errno` ENOSYS where there is none
 */
export function answer(
  fileSystem: FileSystem,
  header: RequestHeader,
  body: RequestBody,
  caller: PendingCaller,
  passthrough: Passthrough | undefined,
): Body | Promise<Body> {
  const fs = fileSystem;
  const { nodeId } = header;
  const told = (entry: Entry): Body => ({
    parts: [entryBody(entry, 0)],
    undo: () => fs.forget?.(entry.nodeId, 1),
  });
  switch (body.op) {
    case "lookup":
      return then(need(fs.lookup).call(fs, nodeId, body.name, caller), (entry) => {
        if (entry === undefined) throw new Errno("ENOENT");
        return "nodeId" in entry ? told(entry) : { parts: [entryBody(undefined, entry.absentForMs)] };
      });
    case "getattr":
      return then(need(fs.getattr).call(fs, nodeId, body.handle, caller), timed);
    case "setattr":
      return then(need(fs.setattr).call(fs, nodeId, body.change, caller), timed);
    case "readlink":
      return then(need(fs.readlink).call(fs, nodeId, caller), (target) => ({
        parts: [Buffer.from(target, "latin1")],
      }));
    case "symlink":
      return then(need(fs.symlink).call(fs, nodeId, body.name, body.target, caller), told);
    case "mknod":
      return then(need(fs.mknod).call(fs, nodeId, body.name, body.mode, body.rdev, caller), told);
    case "mkdir":
      return then(need(fs.mkdir).call(fs, nodeId, body.name, body.mode, caller), told);
    case "link":
      return then(need(fs.link).call(fs, body.target, nodeId, body.name, caller), told);
    case "unlink":
      return then(need(fs.unlink).call(fs, nodeId, body.name, caller), empty);
    case "rmdir":
      return then(need(fs.rmdir).call(fs, nodeId, body.name, caller), empty);
    case "rename": {
      const { name, newParent, newName, flags } = body;
      return then(need(fs.rename).call(fs, nodeId, name, newParent, newName, flags, caller), empty);
    }
    case "statfs":
      return then(need(fs.statfs).call(fs, nodeId, caller), (statistics) => ({
        parts: [statfsBody(statistics)],
      }));
    case "access":
      return then(need(fs.access).call(fs, nodeId, body.mask, caller), empty);
    case "setxattr":
      return then(need(fs.setxattr).call(fs, nodeId, body.name, body.value, body.flags, caller), empty);
    case "getxattr":
      return then(need(fs.getxattr).call(fs, nodeId, body.name, caller), (value) =>
        sized(value, body.sizeBytes),
      );
    case "listxattr":
      return then(need(fs.listxattr).call(fs, nodeId, caller), (names) =>
        sized(Buffer.from(names.map((name) => `${name}\0`).join(""), "latin1"), body.sizeBytes),
      );
    case "removexattr":
      return then(need(fs.removexattr).call(fs, nodeId, body.name, caller), empty);
    default:
      return answerOpen(fs, nodeId, body, caller, passthrough);
  }
}

/** The requests about something open. */
function answerOpen(
  fs: FileSystem,
  nodeId: number,
  body: RequestBody,
  caller: PendingCaller,
  passthrough: Passthrough | undefined,
): Body | Promise<Body> {
  switch (body.op) {
    case "open":
      return then(need(fs.open).call(fs, nodeId, body.flags, caller), (opened) => {
        const how = passthrough?.opened(nodeId, opened, (body.flags & O_ACCMODE) !== 0);
        return {
          parts: [openBody(opened.handle, how?.flags ?? opened.flags ?? 0, how?.backingId)],
          undo: () => {
            passthrough?.released(nodeId);
            void fs.release?.(nodeId, opened.handle);
          },
        };
      });
    case "opendir":
      return then(need(fs.opendir).call(fs, nodeId, body.flags, caller), ({ handle, flags }) => ({
        parts: [openBody(handle, flags ?? 0)],
        undo: () => void fs.releasedir?.(nodeId, handle),
      }));
    case "create":
      return then(need(fs.create).call(fs, nodeId, body.name, body.mode, body.flags, caller), (opened) => {
        const { entry, handle } = opened;
        const how = passthrough?.opened(entry.nodeId, opened, (body.flags & O_ACCMODE) !== 0);
        return {
          parts: [createBody(entry, handle, how?.flags ?? opened.flags ?? 0, how?.backingId)],
          undo: () => {
            passthrough?.released(entry.nodeId);
            void fs.release?.(entry.nodeId, handle);
            fs.forget?.(entry.nodeId, 1);
          },
        };
      });
    case "read":
      return then(
        need(fs.read).call(fs, nodeId, body.handle, body.offset, body.sizeBytes, caller),
        (bytes) => ({
          parts: bytes instanceof Uint8Array ? [bytes] : bytes,
        }),
      );
    case "write":
      return then(
        need(fs.write).call(fs, nodeId, body.handle, body.offset, body.data, body.writeFlags, caller),
        counted,
      );
    case "readdir":
    case "readdirplus": {
      const plus = body.op === "readdirplus";
      return then(need(fs.readdir).call(fs, nodeId, body.handle, body.offset, plus, caller), (entries) =>
        directory(fs, entries, body.sizeBytes, plus),
      );
    }
    case "flush":
      return then(need(fs.flush).call(fs, nodeId, body.handle, caller), empty);
    case "release":
      passthrough?.released(nodeId);
      return then(need(fs.release).call(fs, nodeId, body.handle), empty);
    case "releasedir":
      return then(need(fs.releasedir).call(fs, nodeId, body.handle), empty);
    case "fsync":
      return then(need(fs.fsync).call(fs, nodeId, body.handle, body.dataOnly, caller), empty);
    case "fsyncdir":
      return then(need(fs.fsyncdir).call(fs, nodeId, body.handle, body.dataOnly, caller), empty);
    case "lseek":
      return then(
        need(fs.lseek).call(fs, nodeId, body.handle, body.offset, body.whence, caller),
        (offset) => ({
          parts: [offsetBody(offset)],
        }),
      );
    case "fallocate": {
      const { handle, offset, lengthBytes, mode } = body;
      return then(need(fs.fallocate).call(fs, nodeId, handle, offset, lengthBytes, mode, caller), empty);
    }
    case "copyFileRange": {
      const source = { nodeId, handle: body.handle, offset: body.offset };
      const target = { nodeId: body.targetNode, handle: body.targetHandle, offset: body.targetOffset };
      return then(need(fs.copyFileRange).call(fs, source, target, body.lengthBytes, caller), counted);
    }
    default:
      throw new Errno("ENOSYS");
  }
}

function need<T>(handler: T | undefined): T {
  if (handler === undefined) throw new Errno("ENOSYS");
  return handler;
}

function timed({ attributes, timeoutMs }: { attributes: Entry["attributes"]; timeoutMs: number }): Body {
  return { parts: [attributesBody(attributes, timeoutMs)] };
}

function counted(count: number): Body {
  return { parts: [countBody(count)] };
}

/** A value whose size is asked for first, with a size of 0. */
function sized(value: Uint8Array, sizeBytes: number): Body {
  if (sizeBytes === 0) return counted(value.length);
  if (value.length > sizeBytes) throw new Errno("ERANGE");
  return { parts: [value] };
}

function directory(
  fs: FileSystem,
  entries: Iterable<DirectoryEntry>,
  sizeBytes: number,
  plus: boolean,
): Body {
  const seen: (number | undefined)[] = [];
  const noted = function* (): Generator<DirectoryEntry> {
    for (const entry of entries) {
      seen.push(entry.entry?.nodeId);
      yield entry;
    }
  };
  const { body, count } = directoryBody(noted(), sizeBytes, plus);
  if (!plus) return { parts: [body] };
  return {
    parts: [body],
    taken: () => {
      for (let i = 0; i < count; i++) {
        const nodeId = seen[i];
        if (nodeId !== undefined) fs.referenced?.(nodeId);
      }
    },
  };
}
