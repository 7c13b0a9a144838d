import { emptyTreeOid, type Oid, oidFromBytes } from "@millrace/pack";
import { PromisorError } from "../errors.ts";
import type { ResolveOptions } from "../promisor.ts";
import type { SharedPromisor } from "../shared-promisor.ts";
import { walkEntries } from "../tree/entry.ts";

/** One side of a change. */
export interface ChangedEntry {
  readonly mode: number;
  readonly oid: Oid;
}

/** A path whose file, link or submodule is not the same in two trees. */
export interface TreeChange {
  readonly path: string;
  readonly change: "added" | "deleted" | "modified";
  readonly before: ChangedEntry | undefined;
  readonly after: ChangedEntry | undefined;
}

const MODE_KIND = 0o170000;
const MODE_TREE = 0o40000;
const MAX_DEPTH = 2048;

/**
 * What differs between two trees, in the order of paths in git's trees (git diff-tree -r, without renames). Trees that are the
 * same are not looked into. `onTree` is told the new trees that were, and the
 * old ones in their places.
 */
export async function* diffTrees(
  objects: SharedPromisor,
  before: Oid,
  after: Oid,
  options: ResolveOptions = {},
  onTree: (fresh: Oid, old: Oid | undefined) => void = () => undefined,
): AsyncGenerator<TreeChange, void, undefined> {
  yield* compare(before, after, "", 0);

  async function* compare(
    old: Oid | undefined,
    fresh: Oid | undefined,
    prefix: string,
    depth: number,
  ): AsyncGenerator<TreeChange, void, undefined> {
    if (old === fresh) return;
    if (depth > MAX_DEPTH)
      throw new PromisorError("PROMISOR_BAD_TREE", `trees nest deeper than ${MAX_DEPTH}`);
    if (fresh !== undefined) onTree(fresh, old);
    const [left, right] = [await entriesByName(old), await entriesByName(fresh)];
    const names = [...new Set([...left.keys(), ...right.keys()])];
    for (const name of names.sort())
      yield* compareEntry(name, left.get(name), right.get(name), prefix, depth);
  }

  async function* compareEntry(
    name: string,
    old: ChangedEntry | undefined,
    fresh: ChangedEntry | undefined,
    prefix: string,
    depth: number,
  ): AsyncGenerator<TreeChange, void, undefined> {
    if (old?.oid === fresh?.oid && old?.mode === fresh?.mode) return;
    // The key ends with a slash for folders, so one name is a folder on both sides, or a file on both.
    if (name.endsWith("/")) {
      yield* compare(old?.oid, fresh?.oid, prefix + Buffer.from(name, "latin1").toString(), depth + 1);
      return;
    }
    const change = old === undefined ? "added" : fresh === undefined ? "deleted" : "modified";
    const path = prefix + Buffer.from(name, "latin1").toString();
    yield { path, change, before: old, after: fresh };
  }

  /** The entries of a tree by their names, one character a byte, folders with a slash as git orders them. */
  async function entriesByName(tree: Oid | undefined): Promise<Map<string, ChangedEntry>> {
    const entries = new Map<string, ChangedEntry>();
    if (tree === undefined || tree === emptyTreeOid(objects.format)) return entries;
    const { type, content } = await objects.resolve(tree, options);
    if (type !== "tree") {
      throw new PromisorError("PROMISOR_BAD_TREE", `${tree} is no tree but a ${type}`, { oid: tree });
    }
    const text = Buffer.from(content.buffer, content.byteOffset, content.byteLength);
    walkEntries(content, objects.format, tree, (mode, oidAt, nameStart, nameEnd) => {
      const name =
        text.toString("latin1", nameStart, nameEnd) + ((mode & MODE_KIND) === MODE_TREE ? "/" : "");
      entries.set(name, { mode, oid: oidFromBytes(content, oidAt, objects.format) });
    });
    return entries;
  }
}
