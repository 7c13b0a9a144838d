import fc from "fast-check";
import { expect, it } from "vitest";
import { copyToMemory, withView } from "./memory-repository.ts";
import { type GitRepository, createGitRepository, fastImportStream } from "./real-git.ts";

interface Commit {
  readonly time: number;
  readonly parents: readonly string[];
}

const shapes = fc.array(fc.integer({ min: 1, max: 10_000 }), { minLength: 3, maxLength: 30 });
const picks = fc.array(fc.nat(), { maxLength: 3 });

function readCommits(source: GitRepository): Map<string, Commit> {
  const lines = source.text(["log", "--all", "--format=%H %ct %P"]).split("\n");
  return new Map(
    lines.map((line) => {
      const [oid = "", time, ...parents] = line.split(" ");
      return [oid, { time: Number(time), parents: parents.filter(Boolean) }];
    }),
  );
}

/** git's rule: haves and their parents count as common; nothing older than the oldest have is walked past. */
function isReady(commits: Map<string, Commit>, wants: readonly string[], haves: readonly string[]): boolean {
  const common = new Set(haves.flatMap((oid) => [oid, ...commits.get(oid)!.parents]));
  const oldest = Math.min(...haves.map((oid) => commits.get(oid)!.time));
  const reaches = (oid: string): boolean => {
    if (common.has(oid)) return true;
    const { time, parents } = commits.get(oid)!;
    return time >= oldest && parents.some(reaches);
  };
  return haves.length > 0 && wants.every(reaches);
}

it("reachesCommon is ready just when git is", { timeout: 600_000 }, async () => {
  await fc.assert(
    fc.asyncProperty(shapes, picks, picks, async (shape, wantPicks, havePicks) => {
      const source = createGitRepository();
      try {
        source.run(["fast-import", "--quiet"], fastImportStream(shape));
        const commits = readCommits(source);
        const oids = [...commits.keys()];
        const wants = wantPicks.map((pick) => oids[pick % oids.length]!);
        const haves = havePicks.map((pick) => oids[pick % oids.length]!);
        const repository = await copyToMemory(source);
        const ready = await withView(repository, (view) => view.reachesCommon(wants, haves));
        expect(ready).toBe(isReady(commits, wants, haves));
      } finally {
        source.remove();
      }
    }),
    { numRuns: 40, endOnFailure: true },
  );
});
