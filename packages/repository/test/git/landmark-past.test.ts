import { oidToBytes } from "@millrace/pack";
import { describe, expect, it, vi } from "vitest";
import { enumerateObjects } from "../../src/index.ts";
import { copyToMemory, withView } from "./memory-repository.ts";
import { createGitRepository, fastImportStream, type GitRepository } from "./real-git.ts";

const COMMITS = 1200;

function reached(source: GitRepository, tip: string): ReadonlySet<string> {
  const listed = source.text(["rev-list", "--objects", "--no-object-names", tip]);
  return new Set(listed.split("\n"));
}

describe("what a client's past holds", () => {
  it("is told from a landmark as from a walk: never more than git says, and the same each time", async () => {
    const source = createGitRepository();
    try {
      const seeds = Array.from({ length: COMMITS }, (_, i) => (i * 7919) % 1009);
      // Each seed that 11 divides begins another history, which would not be long enough to have a landmark.
      const shape = seeds.map((seed) => (seed % 11 === 0 ? seed + 1 : seed));
      source.run(["fast-import", "--quiet"], fastImportStream(shape));
      const everything = source.text(["rev-list", "--objects", "--no-object-names", "--all"]).split("\n");
      const repository = await copyToMemory(source);
      let remembered = 0;
      for (const branch of ["b0", "b1", "b2"]) {
        const line = source.text(["rev-list", "--first-parent", branch]).split("\n");
        const want = line[0]!;
        for (const have of [line[3]!, line[Math.floor(line.length / 2)]!, line.at(-1)!]) {
          const past = reached(source, have);
          const answers: string[][] = [];
          for (const shallow of [undefined, undefined, [have]]) {
            await withView(repository, async (view) => {
              const objects = await view.objects();
              const setPast = vi.spyOn((await objects.graphs())!.pasts!, "setPast");
              const found = await enumerateObjects(objects, { wants: [want], haves: [have], shallow });
              const held: string[] = [];
              for (const oid of everything) {
                const number = found.table.find(oidToBytes(oid));
                if (number >= 0 && (await found.isAtOtherSide(number))) held.push(oid);
              }
              // Behind a shallow root there is nothing at the client.
              if (shallow !== undefined) expect(setPast).not.toHaveBeenCalled();
              remembered += setPast.mock.calls.length;
              setPast.mockRestore();
              answers.push(held);
            });
          }
          const [first, again, cut] = answers as [string[], string[], string[]];
          expect(first.filter((oid) => !past.has(oid))).toEqual([]);
          expect(again).toEqual(first);
          expect(first.length).toBe(past.size);
          expect(cut.length).toBeLessThanOrEqual(first.length);
        }
      }
      expect(remembered).toBeGreaterThan(0);
      await repository[Symbol.asyncDispose]();
    } finally {
      source.remove();
    }
  });
});
