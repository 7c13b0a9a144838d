import { rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import type { DeepenRequest, RepositoryView } from "../../src/index.ts";
import { copyToMemory, packOf, withView } from "./memory-repository.ts";
import { type GitRepository, createGitRepository, fastImportStream } from "./real-git.ts";

const shapes = fc.array(fc.integer({ min: 0, max: 10_000 }), { minLength: 3, maxLength: 30 });

type Step = Pick<DeepenRequest, "depth" | "relative" | "since"> & {
  /** Which of the refs are fetched. */
  readonly refs: number;
};

const steps: fc.Arbitrary<Step> = fc
  .tuple(
    fc.nat(),
    fc.oneof(
      fc.constant({}),
      fc.integer({ min: 1, max: 8 }).map((depth) => ({ depth })),
      fc.integer({ min: 1, max: 3 }).map((depth) => ({ depth, relative: true })),
      fc.integer({ min: -600, max: 1800 }).map((age) => ({ since: 1_700_000_000 + age })),
    ),
  )
  .map(([refs, how]) => ({ refs, ...how }));

/** A real repository that fetches from a view, as git fetch does. */
class Client {
  readonly git: GitRepository = createGitRepository();
  #shallow = new Set<string>();

  async fetch(view: RepositoryView, tips: readonly string[], step: Omit<Step, "refs">): Promise<void> {
    const clientShallow = [...this.#shallow];
    const haves = this.git.text(["for-each-ref", "--format=%(objectname)"]).split("\n").filter(Boolean);
    const isDeepening = step.depth !== undefined || step.since !== undefined;
    const shallowUpdate = isDeepening
      ? await view.deepen({ wants: tips, clientShallow, ...step })
      : undefined;
    for (const oid of shallowUpdate?.shallow ?? []) this.#shallow.add(oid);
    for (const oid of shallowUpdate?.unshallow ?? []) this.#shallow.delete(oid);

    const request = { wants: tips, haves, thinPack: true, includeTag: true };
    const bytes = await packOf(view, { ...request, clientShallow, shallowUpdate });
    if (bytes.readUInt32BE(8) > 0) this.git.run(["index-pack", "--fix-thin", "--stdin"], bytes);
    this.#writeShallow();
    for (const oid of tips) this.git.run(["update-ref", `refs/got/${oid}`, oid]);
  }

  /** Throws where anything is missing or broken. */
  check(): void {
    this.git.run(["fsck", "--strict", "--no-dangling"]);
  }

  get isShallow(): boolean {
    return this.#shallow.size > 0;
  }

  #writeShallow(): void {
    const path = join(this.git.path, "shallow");
    if (this.#shallow.size === 0) rmSync(path, { force: true });
    else writeFileSync(path, [...this.#shallow].map((oid) => `${oid}\n`).join(""));
  }
}

describe("a shallow client", () => {
  it("is whole after every fetch, and has everything once it is unshallowed", {
    timeout: 600_000,
  }, async () => {
    await fc.assert(
      fc.asyncProperty(
        shapes,
        fc.array(steps, { minLength: 1, maxLength: 4 }),
        fc.integer({ min: 1, max: 3 }),
        async (shape, sequence, firstDepth) => {
          const source = createGitRepository();
          const client = new Client();
          try {
            source.run(["fast-import", "--quiet"], fastImportStream(shape));
            const tips = source.text(["for-each-ref", "--format=%(objectname)"]).split("\n");
            const repository = await copyToMemory(source);
            await withView(repository, async (view) => {
              await client.fetch(view, [tips[0]!], { depth: firstDepth });
              client.check();
              for (const { refs, ...how } of sequence) {
                const wants = [tips[refs % tips.length]!];
                try {
                  await client.fetch(view, wants, how);
                } catch (error) {
                  expect(error).toMatchObject({
                    clientMessage: "no commits selected for shallow requests",
                  });
                }
                client.check();
              }
              await client.fetch(view, tips, { depth: Number.POSITIVE_INFINITY });
              client.check();
              expect(client.isShallow).toBe(false);
            });
            const all = (git: GitRepository): string[] =>
              git.text(["rev-list", "--objects", "--no-object-names", "--all"]).split("\n").toSorted();
            expect(all(client.git)).toEqual(all(source));
          } finally {
            source.remove();
            client.git.remove();
          }
        },
      ),
      {
        numRuns: 25,
        // The only way to a commit that is new enough leads through one that is cut for its other, old parent.
        examples: [[[0, 0, 0, 0, 1667, 900, 31], [{ refs: 0, since: 1_700_000_000 }], 1]],
      },
    );
  });
});
