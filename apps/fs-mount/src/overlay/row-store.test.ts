import { cpSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, onTestFinished, test } from "vitest";
import { RowStore } from "./row-store.ts";

function put(store: RowStore, name: string): void {
  const change = store.begin();
  const id = change.newId();
  change.putNode({ id, mode: 0o100644, nlink: 1, sizeBytes: 0, isChanged: true });
  change.putEntry(1, name, { node: id });
  store.apply(change);
}

test("what changes while a commit waits is counted once, after a crash too", async () => {
  const folder = mkdtempSync(join(tmpdir(), "millrace-rows-"));
  onTestFinished(() => rmSync(folder, { recursive: true }));
  const store = new RowStore(join(folder, "rows"));
  let waits = (): void => undefined;
  const waiting = new Promise<void>((resolve) => (waits = resolve));
  let release = (): void => undefined;
  store.beforeDurable = () =>
    new Promise((resolve) => {
      release = resolve;
      waits();
    });
  put(store, "one");
  const flushed = store.flush();
  await waiting;
  put(store, "two");
  release();
  await flushed;
  cpSync(join(folder, "rows"), join(folder, "crashed"), { recursive: true });
  store.beforeDurable = undefined;
  expect(store.counts.changed).toBe(2);
  await store.close();
  const again = new RowStore(join(folder, "crashed"));
  expect(again.wasInterrupted).toBe(true);
  expect(again.counts.changed).toBe(2);
  await again.close();
});
