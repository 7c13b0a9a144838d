import type { ObjectFilter } from "@millrace/pack";
import fc from "fast-check";
import { describe, it } from "vitest";
import { copyToMemory, withView } from "./memory-repository.ts";
import { createGitRepository, fastImportStream } from "./real-git.ts";

const shapes = fc.array(fc.integer({ min: 0, max: 10_000 }), { minLength: 3, maxLength: 30 });
const filters: fc.Arbitrary<ObjectFilter> = fc.oneof(
  fc.constant<ObjectFilter>({ kind: "blob:none" }),
  fc.constant<ObjectFilter>({ kind: "blob:limit", bytes: 100 }),
  fc.integer({ min: 0, max: 3 }).map((depth): ObjectFilter => ({ kind: "tree", depth })),
);

describe("a partial clone", () => {
  it("takes thin packs without asking for bases that it does not have", { timeout: 600_000 }, async () => {
    await fc.assert(
      fc.asyncProperty(
        shapes,
        filters,
        fc.array(fc.nat(), { minLength: 2, maxLength: 4 }),
        async (shape, filter, picks) => {
          const source = createGitRepository();
          const client = createGitRepository();
          try {
            source.run(["fast-import", "--quiet"], fastImportStream(shape));
            const commits = source.text(["rev-list", "--all"]).split("\n");
            // Its promisor cannot be reached: whatever git needs from there makes it fail.
            client.run(["config", "core.repositoryFormatVersion", "1"]);
            client.run(["config", "extensions.partialClone", "origin"]);
            client.run(["config", "remote.origin.promisor", "true"]);
            client.run(["config", "remote.origin.url", "file:///nowhere"]);
            const repository = await copyToMemory(source);
            await withView(repository, async (view) => {
              const haves: string[] = [];
              for (const pick of picks) {
                const want = commits[pick % commits.length]!;
                const chunks: Uint8Array[] = [];
                const pack = view.createPack({
                  wants: [want],
                  haves,
                  filter,
                  thinPack: true,
                  ofsDelta: true,
                  includeTag: true,
                });
                for await (const chunk of pack) chunks.push(chunk);
                const bytes = Buffer.concat(chunks);
                if (bytes.readUInt32BE(8) > 0) {
                  client.run(["index-pack", "--fix-thin", "--stdin", "--promisor"], bytes);
                }
                client.run(["update-ref", `refs/got/${want}`, want]);
                client.run(["fsck", "--strict", "--no-dangling"]);
                haves.push(want);
              }
            });
          } finally {
            source.remove();
            client.remove();
          }
        },
      ),
      { numRuns: 15 },
    );
  });
});
