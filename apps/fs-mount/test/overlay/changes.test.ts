import fc from "fast-check";
import { expect, test } from "vitest";
import { operations } from "./operations.ts";
import { ViewLab } from "./view-files.ts";

/** Whether a path was told, itself or with a directory that it is in. */
function isCovered(path: string, told: ReadonlySet<string>): boolean {
  if (told.has(path) || told.has(`${path}/`)) return true;
  for (let at = path.lastIndexOf("/"); at > 0; at = path.lastIndexOf("/", at - 1))
    if (told.has(path.slice(0, at + 1))) return true;
  return false;
}

/** Directories in which names have come or gone, of those that were there before: each has to be told by a name in it. */
function changedDirectories(
  before: ReadonlyMap<string, string>,
  after: ReadonlyMap<string, string>,
): Set<string> {
  const names = (files: ReadonlyMap<string, string>): Map<string, string> => {
    const inside = new Map<string, string>();
    for (const path of files.keys()) {
      const directory = path.slice(0, path.lastIndexOf("/") + 1);
      inside.set(directory, `${inside.get(directory) ?? ""}/${path.slice(directory.length)}`);
    }
    return inside;
  };
  const [old, current] = [names(before), names(after)];
  const changed = new Set<string>();
  for (const [directory, listed] of current)
    if (old.has(directory) && old.get(directory) !== listed) changed.add(directory);
  return changed;
}

test("whatever shows otherwise in a view has been told, since any token, and over restarts", async () => {
  const steps = fc.array(
    fc.oneof(
      { weight: 14, arbitrary: operations },
      { weight: 2, arbitrary: fc.constantFrom("reopen" as const, "base" as const) },
      { weight: 5, arbitrary: fc.constant("ask" as const) },
    ),
    { minLength: 10, maxLength: 50 },
  );
  let knownCount = 0;
  let unknownCount = 0;
  await fc.assert(
    fc.asyncProperty(steps, async (sequence) => {
      await using lab = new ViewLab();
      const first = await lab.files.view.changes.since("");
      expect(first.paths).toBeUndefined();
      const beginning = lab.files.view.changes.beginning;
      expect(beginning).toBeDefined();
      const shown = await lab.files.dump();
      const moments = [first.token, beginning!].map((token) => ({ token, shown }));
      for (const [at, step] of [...sequence, "ask" as const].entries()) {
        if (step === "reopen") {
          await lab.reopen();
        } else if (step === "base") {
          await lab.moveBase(at);
        } else if (step === "ask") {
          const { token, shown: before } = moments[at % moments.length]!;
          const { token: next, paths } = await lab.files.view.changes.since(token);
          const shown = await lab.files.dump();
          moments.push({ token: next, shown });
          if (paths === undefined) {
            unknownCount++;
            continue;
          }
          knownCount++;
          for (const path of new Set([...before.keys(), ...shown.keys()])) {
            if (before.get(path) !== shown.get(path) && !isCovered(path, paths))
              expect.fail(`${path} was not told: ${JSON.stringify([...paths])}`);
          }
          for (const directory of changedDirectories(before, shown)) {
            const isTold = [...paths].some(
              (path) => path.startsWith(directory) && /^[^/]+\/?$/.test(path.slice(directory.length)),
            );
            if (!isTold) expect.fail(`nothing in ${directory} was told: ${JSON.stringify([...paths])}`);
          }
        } else {
          await lab.files.run(step);
        }
      }
    }),
    { numRuns: 60 },
  );
  // Anything may have changed only where a link was not known.
  expect(unknownCount).toBeLessThan(knownCount / 4);
});
