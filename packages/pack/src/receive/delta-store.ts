import type { EntryTable } from "./entry-table.ts";

/** Small deltas kept from their arrival, so that most need not be read back and inflated again. */
export interface DeltaStore {
  /** Keeps a copy where it fits the budget. */
  keep(entry: number, delta: Uint8Array): void;
  /** A view of what was kept of this entry, not to be changed; `undefined` for nothing. */
  get(entry: number): Uint8Array | undefined;
}

const SLAB_BYTES = 1024 * 1024;
/** Of larger deltas inflating costs little a byte, and one would crowd out many small ones. */
const MAX_DELTA_BYTES = 16 * 1024;

/** Makes a store of up to `budgetBytes`; it notes in `table.kept` where each delta lies. */
export function createDeltaStore(table: EntryTable, budgetBytes: number): DeltaStore {
  const slabs: Uint8Array[] = [];
  const maxSlabs = Math.floor(Math.min(budgetBytes, 2 ** 31) / SLAB_BYTES);
  let used = SLAB_BYTES;
  return {
    keep(entry, delta) {
      if (delta.length === 0 || delta.length > MAX_DELTA_BYTES) return;
      if (used + delta.length > SLAB_BYTES) {
        if (slabs.length >= maxSlabs) return;
        slabs.push(new Uint8Array(SLAB_BYTES));
        used = 0;
      }
      slabs[slabs.length - 1]!.set(delta, used);
      // One more than the place, so that 0 says "not kept".
      table.kept[entry] = (slabs.length - 1) * SLAB_BYTES + used + 1;
      used += delta.length;
    },
    get(entry) {
      const kept = table.kept[entry]!;
      if (kept === 0) return undefined;
      const at = (kept - 1) % SLAB_BYTES;
      return slabs[Math.floor((kept - 1) / SLAB_BYTES)]!.subarray(at, at + table.sizes[entry]!);
    },
  };
}
