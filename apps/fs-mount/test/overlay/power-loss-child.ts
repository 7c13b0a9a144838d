/**
 * A process that works on an overlay: does so many operations, syncs all of them, and goes on with others that it does not sync,
 * telling the number of each when it has returned. Then it waits to be killed.
 * Arguments: the disk's folder, the seed of the operations, how many are synced, how many follow.
 */
import { closeSync, fsyncSync, mkdirSync, openSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { ROOT } from "../../src/overlay/overlay-store.ts";
import { BASE, operations } from "./operations.ts";
import { BaseObjects, OverlayFiles } from "./overlay-files.ts";
import { tell } from "./tell.ts";

const [disk = "", ...numbers] = process.argv.slice(2);
const [seed = 0, synced = 0, more = 0] = numbers.map(Number);
const folder = join(disk, "overlay");
mkdirSync(folder);
const fd = openSync(disk, "r");
fsyncSync(fd);
closeSync(fd);

const objects = new BaseObjects();
const files = new OverlayFiles(folder, objects, objects.add(BASE));
const [sequence = []] = fc.sample(fc.array(operations, { minLength: 2000, maxLength: 2000 }), {
  numRuns: 1,
  seed,
});
for (const [at, step] of sequence.slice(0, synced + more).entries()) {
  await files.run(step);
  if (at % 100 === 99) void files.store.flush();
  if (at % 10 === 9) await new Promise((resolve) => setImmediate(resolve));
  if (at + 1 === synced) await syncAll(ROOT);
  if (at + 1 >= synced) tell(`${at + 1}\n`);
}
tell("done\n");
setInterval(() => undefined, 1000);

/** What `fsync` of every file and folder does. */
async function syncAll(id: number): Promise<void> {
  await files.store.sync(id);
  for (const { node } of files.store.list(id)) {
    const row = node === undefined ? undefined : files.store.node(node);
    if (row === undefined) continue;
    if (row.parent === undefined) await files.store.sync(row.id);
    else await syncAll(row.id);
  }
}
