import { spawnSync } from "node:child_process";
import { mkdir, mkdtemp, readdir, readlink, rm, utimes, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { RepositoryStore } from "@millrace/storage";
import { expect, test } from "vitest";
import { openFsRepository, openFsStorage } from "../src/index.ts";
import { makeTinyPack, push, stagePack } from "./git/actions.ts";
import { git } from "@millrace/git-lab";
import { collect, inScratch, refLines, withSnapshot } from "./git/scratch.ts";

async function allFiles(root: string): Promise<string[]> {
  return (await readdir(root, { recursive: true })).sort();
}

test("a lock that a crashed process left is told with its path, and nothing is changed", () =>
  inScratch(async (root) => {
    const storage = openFsStorage({ root, lockTimeoutMs: 30, packedRefsTimeoutMs: 30 });
    const store = await storage.create("r.git");
    const pack = await makeTinyPack("locks");
    await push(store, pack, { refs: [{ name: "refs/heads/main", new: pack.commit }] });
    const other = await makeTinyPack("locks 2");
    const directory = join(root, "r.git");
    const names = ["main", "new", "deep/er"].map((leaf) => `refs/heads/${leaf}`);
    for (const name of names) {
      const lock = join(directory, `${name}.lock`);
      await mkdir(join(lock, ".."), { recursive: true });
      await writeFile(lock, "");
      const before = await allFiles(root);
      for (const atomic of [true, false]) {
        const { refs, committed } = await push(store, other, { refs: [{ name, new: other.commit }], atomic });
        expect([refs[0]?.code, committed]).toEqual(["REF_LOCKED", false]);
        expect(refs[0]?.message).toContain(lock);
      }
      expect(await allFiles(root)).toEqual(before);
      await rm(lock);
    }
    await rm(join(directory, "refs", "heads", "deep"), { recursive: true });
    for (const lock of ["packed-refs.lock", "HEAD.lock"]) {
      await writeFile(join(directory, lock), "");
      const before = await allFiles(root);
      const { refs } = await store.commit({
        refs: [{ name: "refs/heads/main", new: lock.startsWith("HEAD") ? other.commit : null }],
        symrefs: [{ name: "HEAD", target: "refs/heads/other" }],
      });
      expect(refs[0]?.code).toBe("REF_LOCKED");
      expect(refs[0]?.message).toContain(join(directory, lock));
      expect(await allFiles(root)).toEqual(before);
      await rm(join(directory, lock));
    }
    expect(await refLines(store)).toEqual([`${pack.commit} refs/heads/main`]);
    // In the way of a/b stands the lock of a.
    await writeFile(join(directory, "refs", "heads", "a.lock"), "");
    const below = await store.commit({ refs: [{ name: "refs/heads/a/b", new: pack.commit }] });
    expect(below.refs[0]?.code).toBe("REF_LOCKED");
    expect(await readdir(join(directory, "refs", "heads"))).toEqual(["a.lock", "main"]);
  }));

test("a lock that is let go in time is waited for", () =>
  inScratch(async (root) => {
    const store = await openFsStorage({ root }).create("r.git");
    const pack = await makeTinyPack("wait");
    const lock = join(root, "r.git", "refs", "heads", "main.lock");
    await writeFile(lock, "");
    const release = setTimeout(() => void rm(lock), 60);
    const { refs } = await push(store, pack, { refs: [{ name: "refs/heads/main", new: pack.commit }] });
    clearTimeout(release);
    expect(refs).toEqual([undefined]);
  }));

test("commits of many refs in any order wait for each other in no circle, and for a lock in their midst", () =>
  inScratch(async (root) => {
    const store = await openFsStorage({ root, fsync: "off" }).create("r.git");
    const packs = await Promise.all([0, 1, 2, 3].map((index) => makeTinyPack(`many ${index}`)));
    for (const pack of packs) await push(store, pack, {});
    const names = Array.from({ length: 150 }, (_, index) => `refs/heads/d${index % 7}/n${index}`);
    const shuffled = (seed: number): string[] =>
      names.toSorted(
        (a, b) =>
          ((a.length * 7919 + a.charCodeAt(a.length - 1) * seed) % 97) - ((b.charCodeAt(13) * seed) % 89),
      );
    const directory = join(root, "r.git");
    for (let round = 0; round < 4; round++) {
      const results = await Promise.all(
        packs.map(async ({ commit }, index) => {
          const mine = await openFsRepository(directory, { fsync: "off" });
          return mine.commit({
            refs: shuffled(index + round + 3).map((name) => ({ name, new: round === 3 ? null : commit })),
            atomic: index % 2 === 0,
          });
        }),
      );
      for (const { refs } of results) expect(refs.filter((refusal) => refusal !== undefined)).toEqual([]);
    }
    expect(await refLines(store)).toEqual([]);
    expect((await allFiles(join(directory, "refs"))).sort()).toEqual(["heads", "tags"]);

    const lock = join(directory, `${names.toSorted()[40]}.lock`);
    await mkdir(join(lock, ".."), { recursive: true });
    await writeFile(lock, "");
    const commit = store.commit({
      refs: names.map((name) => ({ name, new: packs[0]?.commit as string })),
      atomic: true,
    });
    await new Promise((resolve) => setTimeout(resolve, 100));
    // Only names before the one that is waited for are locked.
    const held = (await allFiles(join(directory, "refs", "heads"))).filter((path) => path.endsWith(".lock"));
    expect(held.length).toBeLessThanOrEqual(41);
    for (const path of held) expect(`refs/heads/${path}` <= `${names.toSorted()[40]}.lock`).toBe(true);
    await rm(lock);
    expect((await commit).refs.filter((refusal) => refusal !== undefined)).toEqual([]);
    expect(await refLines(store)).toHaveLength(150);
    expect((await allFiles(directory)).filter((path) => path.endsWith(".lock"))).toEqual([]);
  }));

test("an abort while a lock is waited for throws the reason and leaves no lock", () =>
  inScratch(async (root) => {
    const store = await openFsStorage({ root }).create("r.git");
    const pack = await makeTinyPack("wait");
    const lock = join(root, "r.git", "refs", "heads", "b.lock");
    await writeFile(lock, "");
    const before = await allFiles(root);
    const reason = new Error("no longer");
    const controller = new AbortController();
    setTimeout(() => controller.abort(reason), 30);
    const commit = store.commit(
      {
        refs: ["a", "b", "c"].map((leaf) => ({ name: `refs/heads/${leaf}`, new: pack.commit })),
        atomic: true,
      },
      { signal: controller.signal },
    );
    await expect(commit).rejects.toBe(reason);
    expect(await allFiles(root)).toEqual(before);
  }));

test("drafts whose process is gone are swept by a later create, young ones are not", () =>
  inScratch(async (root) => {
    const storage = openFsStorage({ root, draftGraceMs: 60_000 });
    await storage.create("left", { onFirstCommit: true });
    const [left] = (await readdir(root)) as [string];
    expect(left).toMatch(/^\.millrace-draft-/);
    expect(await collect(storage.list())).toEqual([]);
    await storage.create("one");
    expect(await readdir(root)).toContain(left);
    const old = new Date(Date.now() - 120_000);
    for (const path of [...(await allFiles(join(root, left))), ""])
      await utimes(join(root, left, path), old, old);
    await storage.create("two");
    expect((await readdir(root)).sort()).toEqual(["one", "two"]);
  }));

test("a disposed draft, a discarded stage and a finished commit leave nothing behind", () =>
  inScratch(async (root) => {
    const storage = openFsStorage({ root });
    const draft = await storage.create("never", { onFirstCommit: true });
    const pack = await makeTinyPack("never");
    await (await stagePack(draft, pack)).discard();
    await draft[Symbol.asyncDispose]();
    expect(await readdir(root)).toEqual([]);
    const store = await storage.create("r.git");
    const before = await allFiles(root);
    const stage = await stagePack(store, pack);
    expect(await allFiles(root)).not.toEqual(before);
    await stage[Symbol.asyncDispose]();
    expect(await allFiles(root)).toEqual(before);
  }));

test("a pack without an index is refused", () =>
  inScratch(async (root) => {
    const store = await openFsStorage({ root }).create("r.git");
    const pack = await makeTinyPack("no index");
    const stage = await store.stage();
    await stage.write(pack.bytes.subarray(0, -20));
    await stage.seal({ header: pack.bytes.slice(0, 12), trailer: pack.bytes.slice(-20) });
    const commit = store.commit({ add: [stage], refs: [{ name: "refs/heads/main", new: pack.commit }] });
    await expect(commit).rejects.toMatchObject({ code: "STORAGE_UNSUPPORTED" });
    await stage.discard();
    expect(await refLines(store)).toEqual([]);
  }));

test("a stage that was swept meanwhile is STORAGE_STAGE_EXPIRED, and no ref moves", () =>
  inScratch(async (root) => {
    const store = await openFsStorage({ root }).create("r.git");
    const pack = await makeTinyPack("swept");
    const stage = await stagePack(store, pack);
    await rm(stage.path as string, { recursive: true });
    const commit = store.commit({ add: [stage], refs: [{ name: "refs/heads/main", new: pack.commit }] });
    await expect(commit).rejects.toMatchObject({ code: "STORAGE_STAGE_EXPIRED" });
    await stage.discard();
    expect(await refLines(store)).toEqual([]);
    expect((await allFiles(root)).filter((path) => /\.(?:lock|keep|pack)$/.test(path))).toEqual([]);
  }));

test("no file stays open when views, packs, stages and early ends are done with", async (ctx) => {
  const openFiles = async (): Promise<string[]> => {
    const paths = await Promise.all(
      (await readdir("/proc/self/fd")).map((fd) => readlink(`/proc/self/fd/${fd}`).catch(() => "")),
    );
    return paths.filter((path) => path.includes("millrace-fs-"));
  };
  if (process.platform !== "linux") ctx.skip("open files are counted in /proc");
  await inScratch(async (root) => {
    const store = await openFsStorage({ root }).create("r.git");
    const pack = await makeTinyPack("handles");
    await push(store, pack, {
      refs: ["a", "b", "c"].map((leaf) => ({ name: `refs/heads/${leaf}`, new: pack.commit })),
    });
    git(join(root, "r.git"), ["pack-refs", "--all"]);
    const large = git(
      join(root, "r.git"),
      ["hash-object", "-w", "--stdin"],
      Buffer.alloc(40 << 20, 1),
    ).trim();
    await withSnapshot(store, async (view) => {
      for await (const _ of view.refs()) break;
      for await (const _ of (await view.openLoose(large))?.stream() ?? []) break;
      for await (const _ of view.listLoose()) break;
      const handle = await view.openPack(pack.id);
      expect((await openFiles()).length).toBeGreaterThan(0);
      await handle[Symbol.asyncDispose]();
      await expect(handle.read(0, 4)).rejects.toMatchObject({ code: "STORAGE_IO" });
    });
    const stage = await stagePack(store, pack);
    await stage.discard();
    await new Promise((resolve) => setTimeout(resolve, 20));
    expect(await openFiles()).toEqual([]);
  });
});

test("a full disk is STORAGE_IO, and leaves what was there before", async (ctx) => {
  const root = await mkdtemp(join(tmpdir(), "millrace-full-"));
  const mounted = spawnSync("mount", ["-t", "tmpfs", "-o", "size=256k", "tmpfs", root]).status === 0;
  try {
    if (!mounted) ctx.skip("a small tmpfs cannot be mounted here");
    const store = await openFsStorage({ root }).create("r.git");
    const pack = await makeTinyPack("full");
    await push(store, pack, { refs: [{ name: "refs/heads/main", new: pack.commit }] });
    const before = await allFiles(root);
    const stage = await store.stage();
    const fill = async (): Promise<void> => {
      for (let written = 0; written < 8 << 20; written += 64 << 10)
        await stage.write(new Uint8Array(64 << 10));
      await stage.open();
    };
    await expect(fill()).rejects.toMatchObject({ code: "STORAGE_IO" });
    await stage[Symbol.asyncDispose]();
    expect(await allFiles(root)).toEqual(before);
    await expectFullCommit(root, store);
    expect(await refLines(store)).toEqual([`${pack.commit} refs/heads/main`]);
  } finally {
    if (mounted) spawnSync("umount", [root]);
    await rm(root, { recursive: true, force: true });
  }
});

/** Fills the disk to the last byte behind a sealed stage, so that the commit itself meets the end. */
async function expectFullCommit(root: string, store: RepositoryStore): Promise<void> {
  const next = await makeTinyPack("full 2");
  const before = await allFiles(root);
  const stage = await stagePack(store, next);
  const ballast = join(root, "ballast");
  for (let size = 256 << 10; size > 0; size >>= 1) {
    await writeFile(ballast, new Uint8Array(size), { flag: "a" }).catch(() => undefined);
  }
  const commit = store.commit({ add: [stage], refs: [{ name: "refs/heads/next", new: next.commit }] });
  await expect(commit).rejects.toMatchObject({ code: "STORAGE_IO" });
  await stage[Symbol.asyncDispose]();
  await rm(ballast);
  expect(await allFiles(root)).toEqual(before);
  const opened = await openFsRepository(join(root, "r.git"));
  expect((await push(opened, next, { refs: [{ name: "refs/heads/next", new: next.commit }] })).refs).toEqual([
    undefined,
  ]);
  await opened.commit({ refs: [{ name: "refs/heads/next", new: null }] });
}
