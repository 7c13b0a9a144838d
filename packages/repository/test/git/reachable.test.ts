import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { copyToMemory, withView } from "./memory-repository.ts";
import { createGitRepository, fastImportStream } from "./real-git.ts";

const shapes = fc.array(fc.integer({ min: 0, max: 10_000 }), { minLength: 3, maxLength: 25 });

describe("areReachable and objectSizes", () => {
  it("tell what git rev-list --objects and cat-file tell", { timeout: 600_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(shapes, fc.infiniteStream(fc.boolean()), async (shape, coins) => {
        const source = createGitRepository();
        try {
          source.run(["fast-import", "--quiet"], fastImportStream(shape));
          const repository = await copyToMemory(source);
          const stored = source.text(["rev-list", "--objects", "--no-object-names", "--all"]);
          const all = source
            .text(["cat-file", "--batch-check=%(objectname) %(objectsize)"], stored)
            .split("\n")
            .map((line) => line.split(" ") as [string, string]);
          // Some refs go away; what only they reached stays stored.
          const kept: string[] = [];
          const commands = source
            .text(["for-each-ref", "--format=%(objectname) %(refname)"])
            .split("\n")
            .map((line) => ({ name: line.slice(41), old: line.slice(0, 40), new: null }))
            .filter((command) => {
              const stays = coins.next().value === true;
              if (stays) kept.push(command.old);
              return !stays;
            });
          const receiver = await repository.openReceiver();
          await receiver.receive({ commands, atomic: false });
          await receiver[Symbol.asyncDispose]();

          const reached = new Set(
            kept.length === 0
              ? []
              : source.text(["rev-list", "--objects", "--no-object-names", ...kept]).split("\n"),
          );
          const asked = [...all.filter(() => coins.next().value === true), ["ee".repeat(20), ""] as const];
          await withView(repository, async (view) => {
            const oids = asked.map(([oid]) => oid);
            expect(await view.areReachable(oids)).toEqual(oids.map((oid) => reached.has(oid)));
            const sizes = asked.map(([, size]) => (size === "" ? undefined : Number(size)));
            expect(await view.objectSizes(oids)).toEqual(sizes);
            for (const oid of oids) expect(await view.areReachable([oid])).toEqual([reached.has(oid)]);
          });
        } finally {
          source.remove();
        }
      }),
      { numRuns: 20 },
    );
  });
});
