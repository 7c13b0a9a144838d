/**
 * What the overlay's store takes: `node --conditions @millrace/source --import ./scripts/typescript-threads.js apps/fs-mount/bench/overlay.ts`.
 * Prints a JSON line for each case.
 */
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { oidFromBytes } from "@millrace/pack";
import { openOverlay, type OverlayStore, ROOT } from "../src/overlay/overlay-store.ts";

const FILES = 50_000;
const LISTED = 100_000;
const EMPTY = oidFromBytes(new Uint8Array(20), 0, "sha1");
const folder = mkdtempSync(join(tmpdir(), "overlay-bench-"));

function print(name: string, count: number, milliseconds: number): void {
  const microseconds = Math.round((milliseconds * 10_000) / count) / 10;
  console.log(
    JSON.stringify({
      case: name,
      count,
      milliseconds: Math.round(milliseconds),
      microsecondsEach: microseconds,
    }),
  );
}

async function measure(name: string, count: number, run: () => unknown): Promise<void> {
  const start = performance.now();
  await run();
  print(name, count, performance.now() - start);
}

/** Runs `step` with a turn of the event loop now and then, as a thread that serves has. */
async function repeat(count: number, step: (at: number) => void): Promise<void> {
  for (let at = 0; at < count; at++) {
    step(at);
    if (at % 64 === 0) await new Promise((resolve) => setImmediate(resolve));
  }
}

function open(): OverlayStore {
  return openOverlay({ folder, tree: EMPTY, lower: () => new Map() });
}

let store = open();
const data = Buffer.alloc(1000, "x");
const ids: number[] = [];
const directories: number[] = [];
try {
  await measure(`make ${FILES} files`, FILES, () =>
    repeat(FILES, (at) => {
      if (at % 100 === 0) directories.push(store.make(ROOT, `directory${at}`, { mode: 0o040755 }).id);
      ids.push(store.make(directories.at(-1) ?? ROOT, `file${at}`, { mode: 0o100644 }).id);
    }),
  );
  await measure("write 1000 bytes to each", FILES, () =>
    repeat(FILES, (at) => store.contents.write(ids[at]!, 0, data)),
  );
  await measure("set times of each", FILES, () =>
    repeat(FILES, (at) => store.setAttributes(ids[at]!, { mtime: { seconds: at, nanoseconds: 1 } })),
  );
  await measure("take all to the database", FILES, () => store.flush());
  await measure("look each up", FILES, () =>
    repeat(FILES, (at) => store.lookup(directories[Math.floor(at / 100)]!, `file${at}`)),
  );
  await measure("close and open", FILES, async () => {
    await store.close();
    store = open();
  });
  await measure("remove each", FILES, () =>
    repeat(FILES, (at) => store.unlink(directories[Math.floor(at / 100)]!, `file${at}`)),
  );
  await measure("take that to the database", FILES, () => store.flush());
  const wide = store.make(ROOT, "wide", { mode: 0o040755 }).id;
  await repeat(LISTED, (at) => store.make(wide, `file${at}`, { mode: 0o100644 }));
  await store.flush();
  await measure(`list ${LISTED} rows`, LISTED, () => [...store.list(wide)].length);
  await measure(`list ${LISTED} rows with their nodes`, LISTED, () => {
    for (const { node } of store.list(wide)) if (node !== undefined) store.node(node);
  });
  await measure("move it", 1, () => store.rename(ROOT, "wide", ROOT, "moved"));
} finally {
  await store.close();
  rmSync(folder, { recursive: true });
}
