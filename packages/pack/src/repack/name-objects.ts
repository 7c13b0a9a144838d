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
    let knownAt = 0;
    let entryAt = 0;
    walkTree(content, format, (mode, oidOffset, nameStart, nameEnd) => {
      const end = oidOffset + hashBytes;
      const start = entryAt;
      entryAt = end;
      if (known !== undefined) {
        knownAt = entryLike(known, knownAt, content, start, nameStart, nameEnd);
        if (knownAt >= 0 && isSame(known, knownAt, content, start, end)) {
          knownAt += end - start;
          return;
        }
        if (knownAt < 0) knownAt = known.length;
      }
      if (isGitlinkMode(mode)) return;
      const child = find(content, oidOffset);
      if (child < 0 || seen[child] !== 0) return;
      seen[child] = 1;
      const name = foldName(place, content, nameStart, nameEnd);
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

  /** Where the entry of `known`, from `at` on, starts that has this name; -1 where none has. */
  function entryLike(
    known: Uint8Array,
    at: number,
    content: Uint8Array,
    start: number,
    nameStart: number,
    nameEnd: number,
  ): number {
    // Mostly it is the next one, or one or two behind it.
    let place = at;
    for (let tries = 0; tries < 4 && place < known.length; tries++) {
      if (isSame(known, place, content, start, nameEnd + 1)) return place;
      const nul = known.indexOf(0, place + (nameStart - start));
      if (nul < 0) return -1;
      place = nul + 1 + hashBytes;
    }
    return at < known.length ? at : -1;
  }
}

function isSame(a: Uint8Array, at: number, b: Uint8Array, start: number, end: number): boolean {
  if (at + (end - start) > a.length) return false;
  for (let i = start, j = at; i < end; i++, j++) if (a[j] !== b[i]) return false;
  return true;
}
