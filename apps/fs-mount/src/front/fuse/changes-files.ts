import { type Attributes, type Entry, Errno, type FileSystem, OPENED, ROOT_ID } from "@millrace/fuse";
import { CHANGES_FILE } from "../../changes-file.ts";
import type { ChangedPaths } from "../../overlay/change-log.ts";
import { need } from "./need.ts";
import type { ViewFileSystemOptions } from "./shown-nodes.ts";

/** Node ids and handles of these files, above those of a view. */
const FIRST_ID = 2 ** 52;
const NEVER = { seconds: 0, nanoseconds: 0 };
const O_ACCMODE = 3;

/** Whoever knows what has changed since a token. */
export interface ChangesSource {
  since(token: string): Promise<ChangedPaths>;
}

interface TokenFile {
  readonly token: string;
  references: number;
}

/**
 * A file system with a file for each token (`CHANGES_FILE`), whose content is what has changed since, as git's hook `fsmonitor-watchman`
 * answers in version 2: the next token and the paths, a NUL behind each; `/` where everything may have changed. What it answers is that of
 * the moment in which it is opened, and all operations that were answered before are in it.
 */
export function withChangesFiles(
  inner: FileSystem,
  changes: ChangesSource,
  owner: ViewFileSystemOptions,
): FileSystem {
  const files = new Map<number, TokenFile>();
  const byToken = new Map<string, number>();
  const answers = new Map<number, Uint8Array>();
  let lastId = FIRST_ID;

  const attributes = (ino: number): Attributes => ({
    ino,
    sizeBytes: 0,
    blocks: 0,
    atime: NEVER,
    mtime: NEVER,
    ctime: NEVER,
    mode: 0o100444,
    nlink: 1,
    ...owner,
    rdev: 0,
    blockSizeBytes: 4096,
  });
  const tell = (token: string): Entry => {
    const nodeId = byToken.get(token) ?? ++lastId;
    const file = files.get(nodeId) ?? { token, references: 0 };
    file.references++;
    files.set(nodeId, file);
    byToken.set(token, nodeId);
    // The kernel keeps nothing of it: tokens come and go.
    return { nodeId, attributes: attributes(nodeId), entryTimeoutMs: 0, attributesTimeoutMs: 0 };
  };

  return {
    ...inner,
    lookup(parent, name, caller) {
      if (parent === ROOT_ID && name.startsWith(CHANGES_FILE)) return tell(name.slice(CHANGES_FILE.length));
      return inner.lookup?.(parent, name, caller);
    },
    forget(nodeId, count) {
      const file = files.get(nodeId);
      if (file === undefined) {
        inner.forget?.(nodeId, count);
        return;
      }
      file.references -= count;
      if (file.references > 0) return;
      files.delete(nodeId);
      byToken.delete(file.token);
    },
    getattr(nodeId, handle, caller) {
      if (files.has(nodeId)) return { attributes: attributes(nodeId), timeoutMs: 0 };
      return need(inner.getattr)(nodeId, handle, caller);
    },
    open(nodeId, flags, caller) {
      const file = files.get(nodeId);
      if (file === undefined) return need(inner.open)(nodeId, flags, caller);
      if ((flags & O_ACCMODE) !== 0) throw new Errno("EACCES");
      return changes.since(file.token).then((changed) => {
        const handle = ++lastId;
        answers.set(handle, encodeAnswer(changed));
        // Its length is told by reading only.
        return { handle, flags: OPENED.DIRECT_IO };
      });
    },
    read(nodeId, handle, offset, sizeBytes, caller) {
      const answer = answers.get(handle);
      if (answer === undefined) return need(inner.read)(nodeId, handle, offset, sizeBytes, caller);
      return answer.subarray(offset, offset + sizeBytes);
    },
    release(nodeId, handle) {
      if (!answers.delete(handle)) return inner.release?.(nodeId, handle);
    },
  };
}

function encodeAnswer({ token, paths }: ChangedPaths): Uint8Array {
  return Buffer.from([token, ...(paths ?? ["/"]), ""].join("\0"), "latin1");
}
