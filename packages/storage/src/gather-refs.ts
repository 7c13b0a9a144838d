import type { CommitRequest } from "./contract.ts";
import { compareNames, lowerBound } from "./name-order.ts";
import { refParents } from "./ref-name.ts";
import { type RefTable, type StoredRef, SYMREF_DEPTH } from "./ref-plan.ts";

/** Refs that lie where reading them takes its time. */
export interface RefLookup {
  /** One ref, not resolved; `undefined` where it is not there. */
  find(name: string): Promise<StoredRef | undefined>;
  /** The first names that start with `prefix`, at least `count` where there are so many. */
  firstUnder(prefix: string, count: number): Promise<readonly string[]>;
  /** All refs, in batches. */
  all(): AsyncIterable<readonly (readonly [name: string, ref: StoredRef | undefined])[]>;
}

/** From this many updates on all refs are read at once. */
const ALL_FROM = 256;

/** The refs that a commit is judged by, read before: those it names, what they point to, and what would be in their way. */
export async function gatherRefs(request: CommitRequest, lookup: RefLookup): Promise<RefTable> {
  const { refs = [] } = request;
  return refs.length >= ALL_FROM ? gatherAll(lookup) : gatherNamed(request, lookup);
}

async function gatherAll(lookup: RefLookup): Promise<RefTable> {
  const stored = new Map<string, StoredRef>();
  for await (const batch of lookup.all()) {
    for (const [name, ref] of batch) if (ref !== undefined) stored.set(name, ref);
  }
  const sorted = [...stored.keys()].sort(compareNames);
  return {
    get: (name) => stored.get(name),
    has: (name) => stored.has(name),
    *under(prefix) {
      for (let i = lowerBound(sorted, prefix); sorted[i]?.startsWith(prefix) === true; i++) {
        yield sorted[i] as string;
      }
    },
  };
}

async function gatherNamed({ refs = [], symrefs = [] }: CommitRequest, lookup: RefLookup): Promise<RefTable> {
  const stored = new Map<string, StoredRef | undefined>();
  const inside = new Map<string, readonly string[]>();
  const get = async (name: string): Promise<StoredRef | undefined> => {
    if (!stored.has(name)) stored.set(name, await lookup.find(name));
    return stored.get(name);
  };
  for (const { name } of [...refs, ...symrefs]) {
    let target = name;
    for (let depth = 0; depth <= SYMREF_DEPTH; depth++) {
      const ref = await get(target);
      if (ref?.symref === undefined) break;
      target = ref.symref;
    }
    for (const each of new Set([name, target])) {
      for (const parent of refParents(each)) await get(parent);
      const prefix = `${each}/`;
      // This commit deletes no more than it names: what is behind them stays.
      if (!inside.has(prefix)) inside.set(prefix, await lookup.firstUnder(prefix, refs.length + 1));
    }
  }
  return {
    get: (name) => stored.get(name),
    has: (name) => stored.get(name) !== undefined,
    under: (prefix) => inside.get(prefix) ?? [],
  };
}
