import { expect, it } from "vitest";
import { createDeltaStore, keptDelta } from "./delta-store.ts";
import { EntryTable, endOfEntry } from "./entry-table.ts";

it("gives back what it kept, and keeps no more than its budget", () => {
  const table = new EntryTable(20);
  const store = createDeltaStore(table, 2 * 1024 * 1024);
  let keptBytes = 0;
  for (let i = 0; i < 9000; i++) {
    const delta = new Uint8Array((i * 37) % 20_000).fill(i);
    store.keep(table.add(12 + i, 6, delta.length, 2), delta);
  }
  let kept = 0;
  for (let i = 0; i < table.count; i++) {
    const delta = keptDelta(table, store.slabs, i);
    if (delta === undefined) continue;
    kept++;
    keptBytes += delta.length;
    expect(delta.length).toBe((i * 37) % 20_000);
    expect(delta.every((byte) => byte === i % 256)).toBe(true);
  }
  expect(kept).toBeGreaterThan(100);
  expect(keptBytes).toBeLessThanOrEqual(2 * 1024 * 1024);
  expect(keptDelta(table, store.slabs, 8999)).toBeUndefined();
  expect(keptDelta(table, store.slabs, 0)).toBeUndefined();
});

it("finds entries by offset, across growth", () => {
  const table = new EntryTable(32);
  for (let i = 0; i < 10_000; i++) table.add(12 + i * 3, 3, 1, 1);
  table.bodyEnd = 40_000;
  for (let i = 0; i < 10_000; i += 7) {
    expect(table.find(12 + i * 3)).toBe(i);
    expect(table.find(13 + i * 3)).toBe(-1);
  }
  expect(endOfEntry(table, 0)).toBe(15);
  expect(endOfEntry(table, 9999)).toBe(40_000);
});
