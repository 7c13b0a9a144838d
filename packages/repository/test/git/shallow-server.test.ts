import { writeFileSync } from "node:fs";
import { join } from "node:path";
import type { RepositoryStore } from "@millrace/storage";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { type DeepenRequest, type Repository, openRepository } from "../../src/index.ts";
import { copyToMemory, packOf, withView } from "./memory-repository.ts";
import { createGitRepository, fastImportStream } from "./real-git.ts";
import { askUploadPack, objectsOf } from "./upload-pack-oracle.ts";

const shapes = fc.array(fc.integer({ min: 0, max: 10_000 }), { minLength: 3, maxLength: 30 });
const picks = fc.array(fc.nat(), { maxLength: 2 });

/** The same repository with a shallow file. */
function withShallowFile({ store }: Repository, roots: readonly string[]): Repository {
  const shallowStore: RepositoryStore = {
    ...store,
    snapshot: async (options) => ({ ...(await store.snapshot(options)), shallow: async () => roots }),
  };
  return openRepository(shallowStore);
}

describe("a shallow repository", () => {
  it("keeps its own roots whatever is asked for, and sends nothing behind them", {
    timeout: 600_000,
  }, async () => {
    const depths = fc.oneof(
      fc.constantFrom(undefined, Number.POSITIVE_INFINITY),
      fc.integer({ min: 1, max: 9 }),
    );
    await fc.assert(
      fc.asyncProperty(shapes, picks, picks, depths, fc.nat(), async (shape, own, theirs, depth, a) => {
        const source = createGitRepository();
        try {
          source.run(["fast-import", "--quiet"], fastImportStream(shape));
          const tips = source.text(["for-each-ref", "--format=%(objectname)"]).split("\n");
          const commits = source.text(["rev-list", "--all"]).split("\n");
          const roots = [...new Set(own.map((pick) => commits[pick % commits.length]!))];
          const repository = withShallowFile(await copyToMemory(source), roots);
          if (roots.length > 0) writeFileSync(join(source.path, "shallow"), `${roots.join("\n")}\n`);

          const clientShallow = [...new Set(theirs.map((pick) => commits[pick % commits.length]!))];
          const request: DeepenRequest = { wants: [tips[a % tips.length]!], clientShallow, depth };
          const lines = depth === undefined ? [] : [`deepen ${Math.min(depth, 2_147_483_647)}`];
          const expected = askUploadPack(source, { wants: request.wants, shallow: clientShallow, lines });
          expect(expected.error).toBeUndefined();
          await withView(repository, async (view) => {
            expect(await view.shallowRoots()).toEqual(roots);
            const update = await view.deepen(request);
            expect(update.shallow.toSorted()).toEqual(expected.shallow.toSorted());
            expect(update.unshallow.toSorted()).toEqual(expected.unshallow.toSorted());
            const pack = await packOf(view, { wants: request.wants, clientShallow, shallowUpdate: update });
            expect(await objectsOf(pack)).toEqual(await objectsOf(expected.pack));
          });
        } finally {
          source.remove();
        }
      }),
      { numRuns: 40 },
    );
  });
});
