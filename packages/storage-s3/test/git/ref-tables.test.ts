import { mkdtemp, readdir, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createBucket, demandServer } from "@millrace/s3-lab";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openTestStorage } from "../open-test-storage.ts";
import { refsOf } from "../push-pack.ts";
import { findNewerGit, runNewerGit } from "@millrace/git-lab";

const newer = findNewerGit();
let root = "";
beforeAll(async () => {
  root = await mkdtemp(join(tmpdir(), "millrace-tables-"));
});
afterAll(() => rm(root, { recursive: true, force: true }));

const git = (args: readonly string[]): string => runNewerGit(newer.path as string, root, args);

test("the tables in a bucket, in their order, are a stack that git reads, checks and packs", async (ctx) => {
  if (newer.path === undefined) ctx.skip(newer.why);
  const bucket = await createBucket(await demandServer("store", ctx));
  git(["init", "--quiet", "--bare", "--ref-format=reftable", "--initial-branch=main", "."]);
  const tree = git(["mktree"]).trim();
  const commit = git(["commit-tree", "-m", "one", tree]).trim();
  git(["tag", "-a", "-m", "one", "v1", commit]);
  const tag = git(["rev-parse", "refs/tags/v1"]).trim();

  const place = { endpoint: bucket.endpoint, bucket: bucket.name };
  await using storage = await openTestStorage(place, { inlineRefs: 0 });
  const store = await storage.create("r");
  const ref = (i: number) => ({
    name: i % 3 === 0 ? `refs/tags/t${i}` : `refs/heads/${i % 7}/topic-${i}${i % 50 === 1 ? "-ü" : ""}`,
    new: i % 3 === 0 ? tag : commit,
    peeled: i % 3 === 0 ? commit : null,
  });
  await store.commit({ refs: Array.from({ length: 2000 }, (_, i) => ref(i)) });
  await store.commit({ refs: Array.from({ length: 200 }, (_, i) => ref(2000 + i)) });
  await store.commit({ refs: [ref(1), ref(2001)].map(({ name }) => ({ name, new: null })) });

  const manifest = JSON.parse(Buffer.from(await bucket.get("repos/r")).toString()) as {
    tables: { key: string }[];
  };
  expect(manifest.tables.length).toBe(3);
  const folder = join(root, "reftable");
  for (const file of await readdir(folder)) await rm(join(folder, file));
  const names: string[] = [];
  for (const [i, { key }] of manifest.tables.entries()) {
    const index = `0x${String(i + 2).padStart(12, "0")}`;
    names.push(`${index}-${index}-0000000${i}.ref`);
    await writeFile(join(folder, names[i] as string), await bucket.get(key));
  }
  await writeFile(join(folder, "tables.list"), names.map((name) => `${name}\n`).join(""));

  const listed = (): string[] =>
    git(["for-each-ref", "--format=%(refname) %(objectname)"]).trim().split("\n");
  const expected = await refsOf(store);
  expect(expected).toHaveLength(2198);
  expect(listed()).toEqual(expected);
  git(["refs", "verify"]);
  git(["pack-refs", "--all"]);
  expect(listed()).toEqual(expected);
});
