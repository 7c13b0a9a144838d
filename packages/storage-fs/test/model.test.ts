import { rm } from "node:fs/promises";
import { join } from "node:path";
import {
  type CommitRequest,
  type CommitResult,
  createMemoryStorage,
  type RefUpdate,
  type RepositoryStore,
  type StorageError,
} from "@millrace/storage";
import fc from "fast-check";
import { expect, test } from "vitest";
import { openFsStorage } from "../src/index.ts";
import { gitRefs } from "./git/actions.ts";
import { findNewerGit, git, runNewerGit } from "@millrace/git-lab";
import { inScratch, refLines } from "./git/scratch.ts";

const newer = findNewerGit();

/** What a commit answers: its result, or the code it throws. */
async function answer(store: RepositoryStore, request: CommitRequest): Promise<CommitResult | string> {
  try {
    return await store.commit(request);
  } catch (error) {
    return (error as StorageError).code;
  }
}

test.each(["files", "reftable"] as const)(
  "any sequence of commits gives the same answers and the same refs on a disk, in %s, as in memory",
  (refFormat) =>
    inScratch(async (root) => {
      git(root, ["init", "--quiet", "--bare", "objects.git"]);
      const tree = git(join(root, "objects.git"), ["mktree"]).trim();
      const commits = ["1", "2"].map((message) =>
        git(join(root, "objects.git"), ["commit-tree", "-m", message, tree]).trim(),
      );
      const oid = fc.constantFrom(...commits);
      const name = fc
        .constantFrom("a", "a/b", "a/b/c", "a/d", "b", "b/c", "s", "s/x", "bad..name", "link")
        .map((leaf) => (leaf === "link" ? "refs/links/x" : `refs/heads/${leaf}`));
      const update: fc.Arbitrary<RefUpdate> = fc.record({
        name,
        old: fc.oneof({ weight: 4, arbitrary: fc.constant(undefined) }, fc.constant(null), oid),
        new: fc.oneof({ weight: 3, arbitrary: oid }, fc.constant(null)),
      });
      const symref = fc.record({
        name: fc.constantFrom("HEAD", "refs/links/x"),
        target: name.filter((target) => !target.includes("..")),
      });
      const request: fc.Arbitrary<CommitRequest> = fc.record({
        refs: fc.array(update, { minLength: 1, maxLength: 4 }),
        atomic: fc.boolean(),
        symrefs: fc.array(symref, { maxLength: 1 }),
      });
      const step = fc.oneof({ weight: 5, arbitrary: request }, fc.constant("pack-refs" as const));
      await fc.assert(
        fc.asyncProperty(fc.array(step, { minLength: 1, maxLength: 12 }), async (steps) => {
          const disk = await openFsStorage({ root, fsync: "off", lockTimeoutMs: 200, refFormat }).create(
            "r.git",
          );
          const memory = await createMemoryStorage().create("r.git");
          const directory = join(root, "r.git");
          try {
            for (const one of steps) {
              if (one === "pack-refs") {
                if (refFormat === "files") git(directory, ["pack-refs", "--all"]);
                else if (newer.path !== undefined) runNewerGit(newer.path, directory, ["pack-refs", "--all"]);
                continue;
              }
              const [model, ours] = [await answer(memory, one), await answer(disk, one)];
              if (typeof model === "string" || typeof ours === "string") {
                expect(ours).toEqual(model);
                continue;
              }
              const codes = ({ refs }: CommitResult): unknown[] => refs.map((refusal) => refusal?.code);
              expect(ours.committed).toEqual(model.committed);
              if (one.atomic === true && codes(model).some((code) => code !== undefined)) {
                // Which of several reasons an atomic commit is refused for is each backend's own.
                expect(codes(ours).some((code) => code !== "REF_ATOMIC_ABORTED")).toBe(true);
                expect(codes(ours)).not.toContain(undefined);
              } else {
                expect(codes(ours)).toEqual(codes(model));
              }
              expect(await refLines(disk)).toEqual(await refLines(memory));
            }
          } finally {
            await rm(directory, { recursive: true });
          }
        }),
        { numRuns: 60 },
      );
      expect(gitRefs(join(root, "objects.git"))).toEqual([]);
    }),
);
