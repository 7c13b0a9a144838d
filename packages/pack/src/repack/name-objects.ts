import { isGitlinkMode, isTreeMode, walkTree } from "../object/tree.ts";
import { readCommitLinks } from "../object/commit.ts";
import { oidToBytes } from "../object-id.ts";
import { createPace } from "../read/pace.ts";
import { KIND_COMMIT, KIND_TREE } from "../scan/pack-entry.ts";
import type { ObjectFormat } from "../schema.ts";
import { foldName, foldSlash } from "./name-hash.ts";
import type { ObjectColumns } from "./repack-objects.ts";

/** What naming needs to know of the objects. */
export interface NamingContext {
  readonly format: ObjectFormat;
  readonly columns: ObjectColumns;
  /** The number of the object with the raw id at `offset`, or -1. */
  readonly find: (oid: Uint8Array, offset: number) => number;
  /** Its content. */
  readonly load: (object: number) => Promise<Uint8Array>;
  readonly signal: AbortSignal | undefined;
}

/** Trees kept to compare others with. */
const KEPT_BYTES = 16 * 1024 * 1024;

/**
 * Hashes the paths of the objects, each by the first one it is found at: from the trees of commits in their order, then
 * from the trees that none of these reaches, as roots of their own. Objects without a name have 0.
 * Throws PACK_BAD_OBJECT and what `load` throws.
 */
export async function nameObjects(context: NamingContext): Promise<Uint32Array> {
  const { format, columns, load, find, signal } = context;
  const { count, types } = columns;
  const names = new Uint32Array(count);
  const seen = new Uint8Array(count);
  const pace = createPace();
  /** By the hash of a place, the tree seen there last: entries that it has, too, have their names. */
  const before = new Map<number, Uint8Array>();
  let keptBytes = 0;
  const trees: number[] = [];
  const places: number[] = [];

  async function walk(root: number): Promise<void> {
    if (seen[root] !== 0) return;
    seen[root] = 1;
    trees.push(root);
    places.push(0);
    while (trees.length > 0) {
      if (pace.isDue()) await pace.rest(signal);
      const place = places.pop()!;
      const content = await load(trees.pop()!);
      visit(content, place, before.get(place));
      if (keptBytes > KEPT_BYTES) {
        before.clear();
        keptBytes = 0;
      }
      keptBytes += content.length;
      before.set(place, content);
    }
  }

  function visit(content: Uint8Array, place: number, known: Uint8Array | undefined): void {
    const { start, end } = known === undefined ? whole(content) : difference(content, known, hashBytes);
    const news = content.subarray(start, end);
    walkTree(news, format, (mode, oidOffset, nameStart, nameEnd) => {
      if (isGitlinkMode(mode)) return;
      const child = find(news, oidOffset);
      if (child < 0 || seen[child] !== 0) return;
      seen[child] = 1;
      const name = foldName(place, news, nameStart, nameEnd);
      names[child] = name;
      if (!isTreeMode(mode) || types[child] !== KIND_TREE) return;
      trees.push(child);
      places.push(foldSlash(name));
    });
  }

  const hashBytes = format === "sha1" ? 20 : 32;
  for (let i = 0; i < count; i++) {
    if (types[i] !== KIND_COMMIT) continue;
    if (pace.isDue()) await pace.rest(signal);
    const tree = find(oidToBytes(readCommitLinks(await load(i), format).tree), 0);
    if (tree >= 0 && types[tree] === KIND_TREE) await walk(tree);
  }
  for (let i = 0; i < count; i++) if (types[i] === KIND_TREE) await walk(i);
  return names;
}

/** A stretch of a tree's entries. */
interface Stretch {
  readonly start: number;
  readonly end: number;
}

function whole({ length }: Uint8Array): Stretch {
  return { start: 0, end: length };
}

/** The entries in which a tree differs from another one: those at both ends that are the same are left out. */
function difference(tree: Uint8Array, other: Uint8Array, hashBytes: number): Stretch {
  const most = Math.min(tree.length, other.length);
  let same = 0;
  while (same < most && tree[same] === other[same]) same++;
  const start = skipEntries(tree, 0, same, hashBytes, false);
  let sameEnd = tree.length;
  for (let at = other.length; sameEnd > start && at > start && tree[sameEnd - 1] === other[at - 1]; at--)
    sameEnd--;
  return { start, end: skipEntries(tree, start, sameEnd, hashBytes, true) };
}

/** Goes on from one entry to the next until `limit`: to the last one that begins before it, or the first one past it. */
function skipEntries(
  tree: Uint8Array,
  start: number,
  limit: number,
  hashBytes: number,
  past: boolean,
): number {
  let at = start;
  while (at < limit) {
    const nul = tree.indexOf(0, at);
    if (nul < 0) return past ? tree.length : at;
    const next = nul + 1 + hashBytes;
    if (next > limit && !past) return at;
    at = next;
  }
  return Math.min(at, tree.length);
}
