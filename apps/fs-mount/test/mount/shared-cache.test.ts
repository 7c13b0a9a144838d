import { writeFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { run, useLab } from "../support/lab.ts";
import { git, makeRepository } from "../support/repository.ts";

const lab = useLab();
/** What links lead to is content, too. */
const SUMS = [
  "-c",
  "find . -name .git -prune -o -type f -print0 | sort -z | xargs -0 sha1sum; find . -type l -printf '%P %l\\n' | sort",
];

test("mounts share what is in a cache by content, whichever repository and state folder it came by", async () => {
  const origin = lab.keep(makeRepository());
  // Of a history of its own, with the same contents under other names.
  const other = lab.keep(makeRepository());
  git(other, ["mv", "src/part-0", "moved"]);
  git(other, ["mv", "large.bin", "names/large"]);
  writeFileSync(join(other, "README.md"), "one that is new\n");
  git(other, ["commit", "-q", "-a", "-m", "moved"]);
  const cacheFolder = lab.folder();
  const first = await lab.mountRepository(origin, { cacheFolder });
  const shown = await run("sh", SUMS, { cwd: first.directory });
  expect(shown).toBe(await run("sh", SUMS, { cwd: origin }));
  expect(first.mounted.counts.fetched).toBeGreaterThan(0);

  const second = await lab.mountRepository(origin, { cacheFolder });
  const before = second.requests.length;
  expect(await run("sh", SUMS, { cwd: second.directory })).toBe(shown);
  expect(second.mounted.counts).toMatchObject({ fetches: 0, fetched: 0, fetchedBytes: 0 });
  expect(second.requests).toHaveLength(before);

  const third = await lab.mountRepository(other, { cacheFolder });
  expect(await run("sh", SUMS, { cwd: third.directory })).toBe(await run("sh", SUMS, { cwd: other }));
  // The one that is nowhere else.
  expect(third.mounted.counts.fetched).toBe(1);

  // What the first brought outlives it.
  await first.mounted.unmount();
  expect(await run("sh", SUMS, { cwd: second.directory })).toBe(shown);
  expect(second.mounted.counts.fetched).toBe(0);
  expect([...first.faults, ...second.faults, ...third.faults]).toEqual([]);
});
