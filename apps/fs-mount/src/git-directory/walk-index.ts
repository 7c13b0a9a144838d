import type { ObjectFormat, Oid } from "@millrace/pack";
import { MountError } from "../errors.ts";
import { inodeOfEntry } from "../view/base-node.ts";
import { type BaseTree, parseBaseTree } from "../view/base-tree.ts";
import { ROOT_INO } from "../view/inode.ts";
import { objectOf } from "../filters/content-id.ts";
import type { NodeKind, TreeContent } from "../view/view.ts";
import type { IndexTree } from "./index-file.ts";

/** A file of a tree, with the inode number that a mount shows. */
export interface WalkedFile {
  /** Bytes, one to a character. */
  readonly path: string;
  /** As git has it. */
  readonly mode: number;
  /** A submodule's is a commit of another repository. */
  readonly oid: Oid;
  /** What a checkout writes for it: its blob, or what that becomes (`filters/content-id.ts`). */
  readonly content: Oid;
  readonly ino: number;
}

/** All files below a tree in the order of an index, and the trees that they are of. */
export interface WalkedTree {
  readonly files: readonly WalkedFile[];
  /** `undefined` where some directory cannot be shown: its files are left out. */
  readonly root: IndexTree | undefined;
}

/** Trees nest no deeper than a path can. */
const MAX_DEPTH = 2048;
const GITLINK = 0o160000;
const GIT_MODES: Readonly<Record<NodeKind, number>> = {
  file: 0o100644,
  executable: 0o100755,
  symlink: 0o120000,
  directory: GITLINK,
};

/**
 * Walks a tree as git puts it into an index: its order is that of the paths' bytes.
 * @param read told which directory it is, by its path
 * @throws MountError MOUNT_BAD_TREE where the root cannot be shown, and what `read` throws
 */
export async function walkForIndex(
  tree: Oid,
  format: ObjectFormat,
  read: (oid: Oid, path: string) => Promise<TreeContent>,
): Promise<WalkedTree> {
  const files: WalkedFile[] = [];
  let isWhole = true;

  const readTree = async (oid: Oid, prefix: string, depth: number): Promise<BaseTree | undefined> => {
    try {
      if (depth > MAX_DEPTH)
        throw new MountError("MOUNT_BAD_TREE", `trees nest deeper than ${MAX_DEPTH}`, { oid });
      const { content, ids } = await read(oid, prefix.slice(0, -1));
      return parseBaseTree(content, format, oid, ids);
    } catch (error) {
      if (depth === 0 || !(error instanceof MountError)) throw error;
      isWhole = false;
      return undefined;
    }
  };
  const walk = async (
    at: IndexTree,
    id: Oid,
    prefix: string,
    directory: number,
    depth: number,
  ): Promise<void> => {
    const before = files.length;
    for (const entry of (await readTree(id, prefix, depth))?.values() ?? []) {
      const { name, kind, oid, commit } = entry;
      const ino = inodeOfEntry(directory, entry);
      if (kind === "directory" && oid !== undefined) {
        const subtree: IndexTree = { name, oid: objectOf(oid), entryCount: 0, subtrees: [] };
        at.subtrees.push(subtree);
        await walk(subtree, oid, `${prefix}${name}/`, ino, depth + 1);
        continue;
      }
      const id = oid ?? commit;
      if (id === undefined) continue;
      files.push({ path: prefix + name, oid: objectOf(id), content: id, mode: GIT_MODES[kind], ino });
    }
    at.entryCount = files.length - before;
  };

  const root: IndexTree = { name: "", oid: objectOf(tree), entryCount: 0, subtrees: [] };
  await walk(root, tree, "", ROOT_INO, 0);
  return { files, root: isWhole ? root : undefined };
}
