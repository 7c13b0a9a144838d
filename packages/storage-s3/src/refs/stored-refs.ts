import { compareNames, type HeldRefs, holdRefs, type StoredRef } from "@millrace/storage";
import { keyOfName, type TableRef } from "@millrace/storage/reftable";
import type { StoredTable } from "../manifest/schema.ts";

/**
 * The refs of one state as its manifest has them: few of them inline, over tables in files of their own. Never changed,
 * only replaced.
 */
export interface StoredRefs {
  /** `HEAD`, and what was changed since the newest table was written; `null`: gone. */
  readonly inline: ReadonlyMap<string, StoredRef | null>;
  /** Oldest first: of each ref the newest counts. */
  readonly tables: readonly StoredTable[];
  /** Those inline that are there, which without tables are all. */
  readonly held: HeldRefs;
  with(changes: ReadonlyMap<string, StoredRef | null>): StoredRefs;
}

/** Keys and targets so long together stay inline, so that any record fits into a table's block. */
const MAX_TABLE_KEY = 3000;

/** Takes the map over. */
export function storeRefs(
  inline: ReadonlyMap<string, StoredRef | null>,
  tables: readonly StoredTable[],
): StoredRefs {
  let held: HeldRefs | undefined;
  return {
    inline,
    tables,
    get held() {
      return (held ??= holdRefs(new Map([...inline].filter(isThere))));
    },
    with(changes) {
      if (changes.size === 0) return this;
      const changed = new Map(inline);
      for (const [name, ref] of changes) {
        if (ref === null && (tables.length === 0 || !fitsTable(name, ref))) changed.delete(name);
        else changed.set(name, ref);
      }
      return storeRefs(changed, tables);
    },
  };
}

function isThere(entry: readonly [string, StoredRef | null]): entry is [string, StoredRef] {
  return entry[1] !== null;
}

/** Whether a ref may go into a table. `HEAD` is read with the manifest, always. */
export function fitsTable(name: string, ref: StoredRef | null): boolean {
  if (!name.startsWith("refs/")) return false;
  return Buffer.byteLength(name) + Buffer.byteLength(ref?.symref ?? "") <= MAX_TABLE_KEY;
}

/** The records of inline refs, in the order of their keys. */
export function recordsOf(
  inline: ReadonlyMap<string, StoredRef | null>,
  updateIndex: number,
): readonly TableRef[] {
  const names = [...inline.keys()].filter((name) => name !== "HEAD").sort(compareNames);
  return names.map((name) => {
    const ref = inline.get(name) ?? undefined;
    const symref = ref?.symref === undefined ? undefined : keyOfName(ref.symref);
    const [oid, peeled] = ref === undefined || ref.symref !== undefined ? [] : [ref.oid, ref.peeled];
    return { key: keyOfName(name), updateIndex, oid, peeled: peeled ?? undefined, symref };
  });
}

/** Whether it is told of a ref what it peels to; of one that is gone or symbolic, nothing has to be. */
export function tellsPeeled(ref: StoredRef | null): boolean {
  return ref === null || ref.symref !== undefined || ref.peeled !== undefined;
}
