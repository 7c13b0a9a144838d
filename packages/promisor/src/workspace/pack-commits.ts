import { emptyTreeOid, type Oid, parseCommit } from "@millrace/pack";
import type { ResolveOptions } from "../promisor.ts";
import type { SharedPromisor } from "../shared-promisor.ts";
import { diffTrees } from "./diff-trees.ts";
import { type ThinEntry, writeThinPack } from "./thin-pack.ts";

const MODE_SUBMODULE = 0o160000;
/** Versions of one path that are followed back to one that the server has. */
const MAX_VERSIONS = 1000;

/** What the receiver of a pack is known to have. */
export interface Receiving {
  /** Commits, with all that they reach. */
  readonly known: ReadonlySet<Oid>;
  /** It completes deltas against what it has. */
  readonly takesThin: boolean;
}

/**
 * A pack of a commit and those behind it down to what a server is known to have, each with what it changed; what was there
 * in another version goes as the difference to that, where the version is here.
 * The iteration throws as `SharedPromisor.resolve` does, and `PACK_LIMIT_EXCEEDED`.
 */
export async function* packCommits(
  objects: SharedPromisor,
  tip: Oid,
  { known, takesThin }: Receiving,
  options: ResolveOptions,
): AsyncGenerator<Uint8Array, void, undefined> {
  /** Objects to be sent, and what stood in their places before. */
  const wanted = new Map<Oid, Set<Oid>>();
  /** What stood there in a commit that the server has. */
  const held = new Set<Oid>();
  const waiting = [tip];
  for (let oid = waiting.pop(); oid !== undefined; oid = waiting.pop()) {
    if (known.has(oid) || wanted.has(oid)) continue;
    wanted.set(oid, new Set());
    const commit = parseCommit((await objects.resolve(oid, options)).content, objects.format);
    const [first] = commit.parents;
    const base =
      first === undefined
        ? emptyTreeOid(objects.format)
        : parseCommit((await objects.resolve(first, options)).content, objects.format).tree;
    const isBaseKnown = first !== undefined && known.has(first);
    const note = (after: Oid, before: Oid | undefined): void => {
      const versions = wanted.get(after) ?? new Set();
      wanted.set(after, versions);
      if (before === undefined) return;
      versions.add(before);
      if (isBaseKnown) held.add(before);
    };
    for await (const { before, after } of diffTrees(objects, base, commit.tree, options, note)) {
      if (after === undefined || after.mode === MODE_SUBMODULE) continue;
      note(after.oid, before?.mode === MODE_SUBMODULE ? undefined : before?.oid);
    }
    waiting.push(...commit.parents);
  }
  // A version that was given up and came back.
  for (const oid of held) wanted.delete(oid);
  const entries: ThinEntry[] = [];
  for (const oid of wanted.keys()) {
    // What was written here is here; all else that was moved about is the server's.
    const object = objects.peek(oid);
    if (object === undefined) continue;
    const base = takesThin ? serversVersion(wanted, oid) : undefined;
    const content = base === undefined ? undefined : objects.peek(base);
    entries.push({
      oid,
      ...object,
      base: base === undefined || content === undefined ? undefined : { oid: base, ...content },
    });
  }
  yield* writeThinPack(objects.format, entries, options.signal);
}

/**
 * A version that is not sent: each commit is compared with its first parent, so what was there before the oldest of those that
 * are sent is the server's.
 */
function serversVersion(wanted: ReadonlyMap<Oid, ReadonlySet<Oid>>, oid: Oid): Oid | undefined {
  const seen = new Set([oid]);
  for (const version of seen) {
    const before = wanted.get(version);
    if (before === undefined) return version;
    if (seen.size < MAX_VERSIONS) for (const each of before) seen.add(each);
  }
  return undefined;
}
