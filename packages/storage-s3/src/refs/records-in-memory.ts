import type { ObjectFormat } from "@millrace/pack";
import { compareNames } from "@millrace/storage";
import { type RefRecords, runOf, type TableRef } from "@millrace/storage/reftable";

/** Records that are held in memory, as a table is read; they come in the order of their keys, and have no logs. */
export function recordsInMemory(
  records: readonly TableRef[],
  format: ObjectFormat,
  updateIndex: number,
): RefRecords {
  /** The first record whose key is not before `key`. */
  const firstFrom = (key: string): number => {
    let low = 0;
    let high = records.length;
    while (low < high) {
      const middle = (low + high) >>> 1;
      if (compareNames(records[middle]!.key, key) < 0) low = middle + 1;
      else high = middle;
    }
    return low;
  };
  const inside = (prefix: string): readonly TableRef[] => {
    const start = firstFrom(prefix);
    let end = start;
    while (end < records.length && records[end]!.key.startsWith(prefix)) end++;
    return records.slice(start, end);
  };
  return {
    format,
    minUpdateIndex: updateIndex,
    maxUpdateIndex: updateIndex,
    async find(key) {
      const found = records[firstFrom(key)];
      return found?.key === key ? found : undefined;
    },
    async *refs({ prefix = "" } = {}) {
      const refs = inside(prefix);
      if (refs.length > 0) yield refs;
    },
    async *runs({ prefix = "" } = {}) {
      const refs = inside(prefix);
      if (refs.length > 0) yield runOf(refs);
    },
    async *logs() {},
    async *log() {},
  };
}
