import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import fc from "fast-check";
import { expect, test } from "vitest";
import { Model } from "./model.ts";
import { BASE, operations } from "./operations.ts";
import { BaseObjects, OverlayFiles } from "./overlay-files.ts";

const objects = new BaseObjects();
const tree = objects.add(BASE);

test("does what files do, opened again at any point", async () => {
  const steps = fc.array(
    fc.oneof({ weight: 12, arbitrary: operations }, fc.constantFrom("reopen", "flush")),
    {
      minLength: 10,
      maxLength: 60,
    },
  );
  await fc.assert(
    fc.asyncProperty(steps, async (sequence) => {
      const folder = mkdtempSync(join(tmpdir(), "overlay-"));
      let files = new OverlayFiles(folder, objects, tree);
      const model = new Model(BASE);
      try {
        for (const step of sequence) {
          if (step === "flush") {
            await files.store.flush();
          } else if (step === "reopen") {
            await files.store.close();
            files = new OverlayFiles(folder, objects, tree);
            expect(await files.dump()).toEqual(await model.dump());
          } else {
            expect(await files.run(step), JSON.stringify(step)).toBe(await model.run(step));
          }
        }
        const before = await files.dump();
        expect(before).toEqual(await model.dump());
        const { statistics } = files.store;
        await files.store.close();
        files = new OverlayFiles(folder, objects, tree);
        expect(await files.dump()).toEqual(before);
        expect(files.store.statistics).toEqual(statistics);
      } finally {
        await files.store.close();
        rmSync(folder, { recursive: true });
      }
    }),
    { numRuns: 100 },
  );
});
