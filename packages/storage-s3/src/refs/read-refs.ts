import type { ObjectFormat, OperationOptions } from "@millrace/pack";
import {
  type CommitRequest,
  gatherRefs,
  type Head,
  type Ref,
  type RefBatch,
  type RefQuery,
  refRanges,
  type RefTable,
  type StoredRef,
  SYMREF_DEPTH,
} from "@millrace/storage";
import {
  keyOfName,
  mergeTables,
  nameOfKey,
  type RefRecords,
  type TableRef,
} from "@millrace/storage/reftable";
import { recordsInMemory } from "./records-in-memory.ts";
import { recordsOf, type StoredRefs, tellsPeeled } from "./stored-refs.ts";
import type { TableStore } from "./table-store.ts";

/** The refs of one state, read where they lie: tables only when something of them is asked for. */
export interface RefReader {
  head(options?: OperationOptions): Promise<Head>;
  /** One ref by its full name, resolved. */
  ref(name: string, options?: OperationOptions): Promise<Ref | undefined>;
  /** The refs of a query in order. */
  batches(query: RefQuery): AsyncIterable<RefBatch>;
  /** Those that a commit is judged by. */
  gather(request: CommitRequest, options?: OperationOptions): Promise<RefTable>;
}

/** Reads refs; a state that has no tables needs no store of them. */
export function createRefReader(
  refs: StoredRefs,
  format: ObjectFormat,
  tables: TableStore | undefined,
): RefReader {
  return tables === undefined || refs.tables.length === 0 ? readHeld(refs) : readTables(refs, format, tables);
}

function readHeld({ held }: StoredRefs): RefReader {
  return {
    head: async () => held.head(),
    ref: async (name) => held.ref(name),
    batches: (query) => held.batches(query),
    gather: async () => held,
  };
}

function readTables({ inline, tables }: StoredRefs, format: ObjectFormat, store: TableStore): RefReader {
  /** Of these it must be read what they peel to, of others the tables tell. */
  const untold = new Set<string>();
  for (const [name, ref] of inline) if (!tellsPeeled(ref)) untold.add(keyOfName(name));
  const arePeeled = tables.every(({ isPeeled }) => isPeeled);

  const open = async (options: OperationOptions): Promise<RefRecords> => {
    const opened: RefRecords[] = await Promise.all(tables.map((table) => store.open(table, format, options)));
    const updateIndex = (opened.at(-1)?.maxUpdateIndex ?? 0) + 1;
    return mergeTables([...opened, recordsInMemory(recordsOf(inline, updateIndex), format, updateIndex)]);
  };

  /** What a record says of its ref; `undefined` where it is gone. */
  const toStored = ({ key, oid, peeled, symref }: TableRef): StoredRef | undefined => {
    if (symref !== undefined) return { symref: nameOfKey(symref) ?? symref };
    if (oid === undefined) return undefined;
    if (peeled !== undefined) return { oid, peeled };
    return arePeeled && !untold.has(key) ? { oid, peeled: null } : { oid };
  };

  const find = async (name: string, options: OperationOptions): Promise<StoredRef | undefined> => {
    const own = inline.get(name);
    if (own !== undefined) return own ?? undefined;
    if (!name.startsWith("refs/")) return undefined;
    const key = keyOfName(name);
    // The newest table that knows of it counts.
    for (const table of tables.toReversed()) {
      const found = await (await store.open(table, format, options)).find(key, options);
      if (found !== undefined) return toStored(found);
    }
    return undefined;
  };

  /** Follows symbolic refs to the last one; `undefined` where they turn in a circle. */
  const follow = async (
    name: string,
    options: OperationOptions,
  ): Promise<{ readonly name: string; readonly stored: StoredRef | undefined } | undefined> => {
    let current = name;
    for (let depth = 0; depth <= SYMREF_DEPTH; depth++) {
      const stored = await find(current, options);
      if (stored?.symref === undefined) return { name: current, stored };
      current = stored.symref;
    }
    return undefined;
  };

  const resolve = async (name: string, options: OperationOptions): Promise<Ref | undefined> => {
    const end = await follow(name, options);
    if (end?.stored === undefined || end.stored.symref !== undefined) return undefined;
    const { oid, peeled } = end.stored;
    const ref = end.name === name ? { name, oid } : { name, oid, symref: end.name };
    return peeled === undefined ? ref : { ...ref, peeled };
  };

  return {
    async head(options = {}) {
      const end = await follow("HEAD", options);
      const { name, stored } = end ?? {};
      const oid = stored?.symref === undefined ? stored?.oid : undefined;
      return name === "HEAD" || name === undefined ? { oid } : { symref: name, oid };
    },
    ref: async (name, options = {}) => (name.startsWith("refs/") ? resolve(name, options) : undefined),
    async *batches({ prefixes, signal }) {
      const ranges = refRanges(prefixes);
      if (ranges.length === 0) return;
      const records = await open({ signal });
      for (const range of ranges) {
        for await (const run of records.runs({ prefix: keyOfName(range), signal })) {
          const lines = run.lines();
          if (lines !== undefined) {
            yield { ...lines, isPeeled: arePeeled };
            continue;
          }
          const told: Ref[] = [];
          for (const record of run.refs()) {
            const name = nameOfKey(record.key) ?? record.key;
            const stored = toStored(record);
            if (stored === undefined) continue;
            const ref = stored.symref === undefined ? { name, ...stored } : await resolve(name, { signal });
            if (ref !== undefined) told.push(ref);
          }
          if (told.length > 0) yield told;
        }
      }
    },
    gather: async (request, options = {}) =>
      gatherRefs(request, {
        find: (name) => find(name, options),
        async firstUnder(prefix, count) {
          const names: string[] = [];
          for await (const batch of (await open(options)).refs({ prefix: keyOfName(prefix), ...options })) {
            for (const { key } of batch) names.push(nameOfKey(key) ?? key);
            if (names.length >= count) break;
          }
          return names;
        },
        async *all() {
          for (const [name, ref] of inline)
            if (!name.startsWith("refs/") && ref !== null) yield [[name, ref]];
          for await (const batch of (await open(options)).refs(options)) {
            yield batch.map((record) => [nameOfKey(record.key) ?? record.key, toStored(record)] as const);
          }
        },
      }),
  };
}
