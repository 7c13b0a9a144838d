import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { mount } from "@millrace/fuse";
import fc from "fast-check";
import { beforeEach, expect, test } from "vitest";
import { whyNot } from "../support/lab.ts";
import { fromSources } from "../support/program.ts";
import type { OverlayNode } from "../../src/overlay/row.ts";
import { afterPowerLoss } from "./losing-disk.ts";
import { Model } from "./model.ts";
import { BASE, operations } from "./operations.ts";
import { BaseObjects, OverlayFiles } from "./overlay-files.ts";

const missing = whyNot();
beforeEach((context) => {
  if (missing !== undefined) context.skip(missing);
});

const objects = new BaseObjects();
const tree = objects.add(BASE);
const CHILD = fromSources(new URL("power-loss-child.ts", import.meta.url));

/** Has a process work on a disk that then loses its power. @returns how many operations it had told of */
async function workUntilPowerLoss(folder: string, ...numbers: readonly number[]): Promise<number> {
  const [disk, record] = [mkdtempSync(join(tmpdir(), "disk-")), mkdtempSync(join(tmpdir(), "record-"))];
  try {
    const mounted = await mount({
      directory: disk,
      module: new URL("losing-disk.ts", import.meta.url),
      data: { record },
    });
    try {
      const child = spawn(process.execPath, [...CHILD, disk, ...numbers.map(String)], {
        stdio: ["ignore", "pipe", "inherit"],
      });
      let told = "";
      for await (const chunk of child.stdout) {
        told += String(chunk);
        if (told.endsWith("done\n")) break;
      }
      child.kill("SIGKILL");
      if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
      expect(told).toContain("done");
      afterPowerLoss(record, folder);
      return Number(told.trimEnd().split("\n").at(-2));
    } finally {
      await mounted.abort();
    }
  } finally {
    rmSync(disk, { recursive: true });
    rmSync(record, { recursive: true });
  }
}

const LOST = "the content is lost";

/** Files of which some were new and never synced: those have no content. */
class FilesWithGaps extends OverlayFiles {
  override contentOf(node: OverlayNode): string {
    try {
      return super.contentOf(node);
    } catch (error) {
      if ((error as { readonly code?: unknown }).code === "EIO") return LOST;
      throw error;
    }
  }
}

/** The lines of a dump without times and contents, which are of the last sync or of any write since. */
function withoutContents(dump: ReadonlyMap<string, string>): unknown {
  return [...dump].map(([path, line]) => [path, (JSON.parse(line) as unknown[]).slice(0, 3)]);
}

test.each([
  [1, 0],
  [80, 0],
  [700, 0],
  [150, 60],
  [400, 350],
  [300, 600],
  [500, 900],
])(
  "a loss of power %i operations behind a sync and %i more takes nothing that was synced",
  async (synced, more) => {
    const seed = synced + more;
    const root = mkdtempSync(join(tmpdir(), "overlay-"));
    try {
      const done = await workUntilPowerLoss(root, seed, synced, more);
      expect(done).toBe(synced + more);
      const [sequence = []] = fc.sample(fc.array(operations, { minLength: 2000, maxLength: 2000 }), {
        numRuns: 1,
        seed,
      });
      const model = new Model(BASE);
      const states: Map<string, string>[] = [];
      for (const [at, step] of sequence.slice(0, done).entries()) {
        await model.run(step);
        if (at + 1 >= synced) states.push(await model.dump());
      }
      const files = new FilesWithGaps(join(root, "overlay"), objects, tree);
      try {
        const found = await files.dump();
        if (more === 0) expect(found).toEqual(states[0]);
        // What came behind the sync is there up to some operation.
        else expect(states.map(withoutContents)).toContainEqual(withoutContents(found));
        // What nobody has touched since is as it was, to the byte.
        for (const [path, line] of states[0]!) {
          if (states.every((state) => state.get(path) === line)) expect(found.get(path), path).toBe(line);
          // A file that was written over, or another one moved to its place, has one content or the other.
          if (states.every((state) => state.get(path)?.startsWith('["file"'))) {
            expect(found.get(path), path).not.toContain(LOST);
          }
        }
      } finally {
        await files.store.close();
      }
    } finally {
      rmSync(root, { recursive: true });
    }
  },
);
