import type { EntryColumns, EntryTable } from "./entry-table.ts";

/** Small deltas kept from their arrival, so that most need not be read back and inflated again. */
export interface DeltaStore {
  /** Keeps a copy where it fits the budget. */
  keep(entry: number, delta: Uint8Array): void;
  /** What was kept so far, for this thread or another one. */
  readonly slabs: readonly Uint8Array[];
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
    slabs,
    keep(entry, delta) {
      if (delta.length === 0 || delta.length > MAX_DELTA_BYTES) return;
      if (used + delta.length > SLAB_BYTES) {
        if (slabs.length >= maxSlabs) return;
        slabs.push(new Uint8Array(new SharedArrayBuffer(SLAB_BYTES)));
        used = 0;
      }
      slabs[slabs.length - 1]!.set(delta, used);
      // One more than the place, so that 0 says "not kept".
      table.kept[entry] = (slabs.length - 1) * SLAB_BYTES + used + 1;
      used += delta.length;
    },
  };
}

/** A view of the delta that was kept of an entry, not to be changed; `undefined` for none. */
export function keptDelta(
  columns: EntryColumns,
  slabs: readonly Uint8Array[],
  entry: number,
): Uint8Array | undefined {
  const kept = columns.kept[entry]!;
  if (kept === 0) return undefined;
  const at = (kept - 1) % SLAB_BYTES;
  return slabs[Math.floor((kept - 1) / SLAB_BYTES)]!.subarray(at, at + columns.sizes[entry]!);
}
