import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { enumerateObjects } from "../../src/index.ts";
import { copyToMemory, withView } from "./memory-repository.ts";
import { type GitRepository, createGitRepository, fastImportStream } from "./real-git.ts";

const shapes = fc.array(fc.integer({ min: 0, max: 10_000 }), { minLength: 2, maxLength: 40 });

async function enumerate(source: GitRepository, wants: string[], haves: string[]): Promise<string[]> {
  const repository = await copyToMemory(source);
  return withView(repository, async (view) => {
    const { table, numbers } = await enumerateObjects(await view.objects(), { wants, haves });
    return Array.from(numbers, (number) => table.oidAt(number)).toSorted();
  });
}

function revList(source: GitRepository, ...args: string[]): string[] {
  return source
    .text(["rev-list", "--objects", "--no-object-names", "--objects-edge-aggressive", ...args])
    .split("\n")
    .filter((line) => line !== "" && !line.startsWith("-"))
    .toSorted();
}

describe("enumerateObjects", () => {
  it("finds what git rev-list --objects --all finds", { timeout: 600_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(shapes, async (shape) => {
        const source = createGitRepository();
        try {
          source.run(["fast-import", "--quiet"], fastImportStream(shape));
          const tips = source.text(["for-each-ref", "--format=%(objectname)"]).split("\n");
          expect(await enumerate(source, tips, [])).toEqual(revList(source, "--all"));
        } finally {
          source.remove();
        }
      }),
      { numRuns: 10, endOnFailure: true },
    );
  });

  it("leaves out what the haves reach, and never a thing that they do not", {
    timeout: 600_000,
  }, async () => {
    await fc.assert(
      fc.asyncProperty(shapes, fc.nat(), fc.nat(), async (shape, a, b) => {
        const source = createGitRepository();
        try {
          source.run(["fast-import", "--quiet"], fastImportStream(shape));
          const commits = source.text(["rev-list", "--all"]).split("\n");
          const want = commits[a % commits.length]!;
          const have = commits[b % commits.length]!;
          const found = new Set(await enumerate(source, [want], [have]));
          const reachedByHave = new Set(revList(source, have));
          const needed = revList(source, want).filter((oid) => !reachedByHave.has(oid));
          expect(needed.filter((oid) => !found.has(oid))).toEqual([]);
          const commitsFound = commits.filter((oid) => found.has(oid)).toSorted();
          const expected = source
            .text(["rev-list", want, `^${have}`])
            .split("\n")
            .filter(Boolean)
            .toSorted();
          expect(commitsFound).toEqual(expected);
        } finally {
          source.remove();
        }
      }),
      { numRuns: 20, endOnFailure: true },
    );
  });
});
