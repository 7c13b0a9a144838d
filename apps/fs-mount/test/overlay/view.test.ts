import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { MemorySource } from "../support/memory-source.ts";
import { Model } from "./model.ts";
import { BASE, operations } from "./operations.ts";
import { folderOf, ViewFiles, ViewLab } from "./view-files.ts";

test("a view that is closed waits for no tree, and ends what was waiting", async () => {
  const folder = mkdtempSync(join(tmpdir(), "overlay-"));
  const source = new MemorySource();
  const tree = source.folder(folderOf(BASE));
  const { view } = new ViewFiles(folder, source, tree);
  try {
    source.isLate = true;
    source.gate = new Promise(() => undefined);
    const moved = view.reconcile(source.folder(folderOf({ d: "new" })));
    const next = view.reconcile(tree);
    const refused = Promise.all(
      [moved, next].map(async (each) => {
        await expect(each).rejects.toMatchObject({ code: "MOUNT_STOPPED" });
      }),
    );
    await expect.poll(() => source.asked.trees.length).toBeGreaterThan(0);
    await view.close();
    await refused;
  } finally {
    source.end();
    rmSync(folder, { recursive: true });
  }
});

test("a view with local changes does what files do, over any base and opened again", async () => {
  const steps = fc.array(
    fc.oneof({ weight: 12, arbitrary: operations }, fc.constantFrom("reopen" as const, "base" as const)),
    { minLength: 10, maxLength: 40 },
  );
  await fc.assert(
    fc.asyncProperty(steps, async (sequence) => {
      await using lab = new ViewLab();
      const model = new Model(BASE);
      for (const [at, step] of sequence.entries()) {
        if (step === "reopen") {
          await lab.reopen();
        } else if (step === "base") {
          await lab.moveBase(at);
          expect(await lab.files.dump()).toEqual(await model.dump());
        } else {
          expect(await lab.files.run(step), JSON.stringify(step)).toBe(await model.run(step));
        }
      }
      expect(await lab.files.dump()).toEqual(await model.dump());
      expect(lab.source.opened).toBe(0);
    }),
    { numRuns: 80 },
  );
});
