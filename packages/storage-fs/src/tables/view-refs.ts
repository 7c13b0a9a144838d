import type { CommitRequest, RefTable, StoredRef } from "@millrace/storage";
import { refParents, SYMREF_DEPTH } from "@millrace/storage";
import { keyOfName, nameOfKey, type RefRecords, type TableRef } from "@millrace/storage/reftable";
import { toFound } from "./read-stack.ts";

/** From this many updates on all refs are read at once. */
const ALL_FROM = 256;

/**
 * The refs that a commit is judged by, read before: those it names, what they point to, and what would be in their way.
 * `stackOf` gives the stack that a ref belongs to.
 */
export async function viewRefs(
  request: CommitRequest,
  stackOf: (name: string) => RefRecords,
): Promise<RefTable> {
  const { refs = [], symrefs = [] } = request;
  const stored = new Map<string, StoredRef | undefined>();
  const inside = new Map<string, readonly string[]>();
  const isWhole = refs.length >= ALL_FROM;
  if (isWhole) {
    for await (const batch of stackOf("refs/heads/").refs()) {
      for (const ref of batch) {
        const name = nameOfKey(ref.key);
        if (name !== undefined) stored.set(name, toStored(ref));
      }
    }
  }
  const get = async (name: string): Promise<StoredRef | undefined> => {
    if (stored.has(name)) return stored.get(name);
    const found = isWhole ? undefined : await stackOf(name).find(keyOfName(name));
    const ref = found === undefined ? undefined : toStored(found);
    stored.set(name, ref);
    return ref;
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
      // This commit deletes no more than it names: what is behind them stays.
      const prefix = `${each}/`;
      if (!isWhole && !inside.has(prefix)) {
        inside.set(prefix, await firstUnder(stackOf(each), prefix, refs.length + 1));
      }
    }
  }
  const sorted = isWhole ? [...stored.keys()].filter((name) => stored.get(name) !== undefined).sort() : [];
  return {
    get: (name) => stored.get(name),
    has: (name) => stored.get(name) !== undefined,
    under: (prefix) => (isWhole ? startingWith(sorted, prefix) : (inside.get(prefix) ?? [])),
  };
}

/** A broken ref counts as none: it is written over. */
function toStored(ref: TableRef): StoredRef | undefined {
  const { raw } = toFound(ref);
  return raw === "broken" ? undefined : raw;
}

async function firstUnder(stack: RefRecords, prefix: string, count: number): Promise<string[]> {
  const names: string[] = [];
  for await (const batch of stack.refs({ prefix: keyOfName(prefix) })) {
    for (const { key } of batch) names.push(nameOfKey(key) ?? key);
    if (names.length >= count) break;
  }
  return names;
}

function* startingWith(sorted: readonly string[], prefix: string): Generator<string> {
  let low = 0;
  let high = sorted.length;
  while (low < high) {
    const middle = (low + high) >>> 1;
    if ((sorted[middle] as string) < prefix) low = middle + 1;
    else high = middle;
  }
  for (; low < sorted.length && (sorted[low] as string).startsWith(prefix); low++)
    yield sorted[low] as string;
}
