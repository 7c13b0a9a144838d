import type { Head, Ref, RefQuery } from "./contract.ts";
import { compareNames, lowerBound } from "./name-order.ts";
import { type RefTable, resolveRefName, type StoredRef } from "./ref-plan.ts";
import { refRanges } from "./ref-prefixes.ts";

const BATCH = 1024;

/** All refs of a repository at one instant, `HEAD` among them, held in memory; never changed, only replaced. */
export interface HeldRefs extends RefTable {
  /** Names below `refs/` in byte order. */
  readonly names: readonly string[];
  /** The refs with these changes; `null` removes one. */
  with(changes: ReadonlyMap<string, StoredRef | null>): HeldRefs;
  head(): Head;
  /** One ref by its full name, resolved. */
  ref(name: string): Ref | undefined;
  /** The refs of a query in order, some thousand at a time. */
  batches(query: RefQuery): AsyncGenerator<readonly Ref[]>;
}

/** Holds refs, which stay the table's. */
export function holdRefs(refs: ReadonlyMap<string, StoredRef>): HeldRefs {
  const names = [...refs.keys()].filter((name) => name.startsWith("refs/")).sort(compareNames);
  const get = (name: string): StoredRef | undefined => refs.get(name);

  function* under(prefix: string): Generator<string> {
    for (let i = lowerBound(names, prefix); i < names.length; i++) {
      const name = names[i] as string;
      if (!name.startsWith(prefix)) return;
      yield name;
    }
  }

  const resolve = (name: string): Ref | undefined => {
    const target = resolveRefName(name, get);
    const stored = target === undefined ? undefined : get(target);
    if (target === undefined || stored === undefined || stored.symref !== undefined) return undefined;
    const { oid, peeled } = stored;
    const ref = target === name ? { name, oid } : { name, oid, symref: target };
    return peeled === undefined ? ref : { ...ref, peeled };
  };

  return {
    names,
    get,
    has: (name) => refs.has(name),
    under,
    with(changes) {
      const changed = new Map(refs);
      for (const [name, ref] of changes) {
        if (ref === null) changed.delete(name);
        else changed.set(name, ref);
      }
      return holdRefs(changed);
    },
    head() {
      const symref = resolveRefName("HEAD", get);
      const oid = resolve("HEAD")?.oid;
      return symref === "HEAD" || symref === undefined ? { oid } : { symref, oid };
    },
    ref: (name) => (name.startsWith("refs/") ? resolve(name) : undefined),
    async *batches({ prefixes, signal }) {
      let batch: Ref[] = [];
      for (const range of refRanges(prefixes)) {
        for (const name of under(range)) {
          const ref = resolve(name);
          if (ref === undefined || batch.push(ref) < BATCH) continue;
          yield batch;
          signal?.throwIfAborted();
          batch = [];
        }
      }
      if (batch.length > 0) yield batch;
    },
  };
}
