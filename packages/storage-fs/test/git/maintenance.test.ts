import { spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { readdir, readFile, utimes, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { setTimeout } from "node:timers/promises";
import type { RepositoryStore } from "@millrace/storage";
import { expect, test } from "vitest";
import { openFsStorage } from "../../src/index.ts";
import { makeTinyPack, push, stagePack, type TinyPack } from "./actions.ts";
import { git, tryGit } from "@millrace/git-lab";
import { collect, inScratch } from "./scratch.ts";

interface Scene {
  readonly store: RepositoryStore;
  readonly directory: string;
  readonly packs: readonly [TinyPack, TinyPack];
  readonly packFiles: () => Promise<string[]>;
}

/** A repository with two packs. */
async function makeScene(root: string): Promise<Scene> {
  const store = await openFsStorage({ root }).create("r.git");
  const packs = [await makeTinyPack("one"), await makeTinyPack("two")] as const;
  for (const [i, pack] of packs.entries())
    await push(store, pack, { refs: [{ name: `refs/heads/b${i}`, new: pack.commit }] });
  const directory = join(root, "r.git");
  git(directory, ["config", "gc.auto", "0"]);
  await setTimeout(20);
  return {
    store,
    directory,
    packs,
    packFiles: async () => (await readdir(join(directory, "objects/pack"))).sort(),
  };
}

async function remove(store: RepositoryStore, packs: readonly TinyPack[]): Promise<readonly string[]> {
  const maintenance = await store.beginMaintenance!();
  try {
    return (await store.commit({ remove: { packs: packs.map(({ id }) => id) } })).removed!;
  } finally {
    await maintenance[Symbol.asyncDispose]();
  }
}

const codeOf = (work: Promise<unknown>): Promise<unknown> =>
  work.then(
    () => undefined,
    (error: { code?: unknown }) => error.code,
  );

test("gc.pid keeps git gc away, names this process, and goes", () =>
  inScratch(async (root) => {
    const { store, directory } = await makeScene(root);
    const maintenance = await store.beginMaintenance!();
    expect(await readFile(join(directory, "gc.pid"), "utf8")).toBe(`${process.pid} ${hostname()}`);
    const refused = tryGit(directory, ["gc"]);
    expect(refused.status).toBe(128);
    expect(refused.stderr).toContain(`gc is already running on machine '${hostname()}' pid ${process.pid}`);
    await maintenance[Symbol.asyncDispose]();
    expect(existsSync(join(directory, "gc.pid"))).toBe(false);
    expect(tryGit(directory, ["gc", "--quiet"]).status).toBe(0);
  }));

test("stays away while git gc is at work, and goes on where it has crashed", () =>
  inScratch(async (root) => {
    const { store, directory } = await makeScene(root);
    const pidFile = join(directory, "gc.pid");
    const other = spawn("sleep", ["30"]);
    try {
      await writeFile(pidFile, `${other.pid} ${hostname()}`);
      expect(await codeOf(store.beginMaintenance!())).toBe("STORAGE_BUSY");
      await writeFile(pidFile, "1 another.example.org");
      expect(await codeOf(store.beginMaintenance!())).toBe("STORAGE_BUSY");
      // After twelve hours git takes it for left behind.
      const longAgo = new Date(Date.now() - 13 * 3600 * 1000);
      await utimes(pidFile, longAgo, longAgo);
      await (await store.beginMaintenance!())[Symbol.asyncDispose]();
    } finally {
      const gone = new Promise((resolve) => other.once("close", resolve));
      other.kill();
      await gone;
    }
    await writeFile(pidFile, `${other.pid} ${hostname()}`);
    await (await store.beginMaintenance!())[Symbol.asyncDispose]();
    await writeFile(`${pidFile}.lock`, "");
    expect(await codeOf(store.beginMaintenance!())).toBe("STORAGE_BUSY");
  }));

test("leaves packs with .keep and .promisor alone, and those that were touched meanwhile", () =>
  inScratch(async (root) => {
    const { store, directory, packs, packFiles } = await makeScene(root);
    const [one, two] = packs;
    const path = (pack: TinyPack, ending: string): string =>
      join(directory, `objects/pack/pack-${pack.id}.${ending}`);
    await writeFile(path(one, "keep"), "");
    await writeFile(path(two, "promisor"), "");
    const before = await packFiles();
    expect(await remove(store, packs)).toEqual([]);
    expect(await packFiles()).toEqual(before);

    const third = await makeTinyPack("three");
    await push(store, third, {});
    await setTimeout(20);
    const maintenance = await store.beginMaintenance!();
    const now = new Date(Date.now() + 1000);
    await utimes(path(third, "pack"), now, now);
    expect((await store.commit({ remove: { packs: [third.id] } })).removed).toEqual([]);
    await maintenance[Symbol.asyncDispose]();
  }));

test("removes all files of a pack, and the multi-pack-index that names it", () =>
  inScratch(async (root) => {
    const { store, directory, packs, packFiles } = await makeScene(root);
    git(directory, ["repack", "-adb", "-q"]);
    await push(store, await makeTinyPack("more"), {});
    git(directory, ["multi-pack-index", "write", "--bitmap"]);
    expect((await packFiles()).filter((name) => name.startsWith("multi-pack-index")).length).toBeGreaterThan(
      1,
    );
    await setTimeout(20);
    const maintenance = await store.beginMaintenance!();
    const all = await maintenance.packs();
    expect(all).toHaveLength(2);
    await store.commit({ remove: { packs: all.map(({ id }) => id) } });
    await maintenance[Symbol.asyncDispose]();
    expect(await packFiles()).toEqual([]);

    // One that names other packs stays.
    for (const pack of packs) await push(store, pack, {});
    git(directory, ["multi-pack-index", "write"]);
    const late = await makeTinyPack("late");
    await push(store, late, {});
    await setTimeout(20);
    expect(await remove(store, [late])).toEqual([late.id]);
    expect(await packFiles()).toContain("multi-pack-index");
    git(directory, ["multi-pack-index", "verify"]);
    git(directory, ["fsck", "--strict"]);
  }));

test("lists and removes loose objects, but not those that were written again", () =>
  inScratch(async (root) => {
    const { store, directory } = await makeScene(root);
    const oids = ["a\n", "b\n", "c\n"].map((text) =>
      git(directory, ["hash-object", "-w", "--stdin"], text).trim(),
    );
    await setTimeout(20);
    const maintenance = await store.beginMaintenance!();
    const loose = await collect(maintenance.loose());
    expect(loose.map(({ oid }) => oid).sort()).toEqual(oids.toSorted());
    for (const { modifiedMs } of loose) expect(maintenance.startedMs - modifiedMs).toBeGreaterThan(0);
    await setTimeout(20);
    const again = join(directory, "objects", oids[1]!.slice(0, 2), oids[1]!.slice(2));
    await utimes(again, new Date(), new Date());
    await store.commit({ remove: { packs: [], loose: oids } });
    expect((await collect(maintenance.loose())).map(({ oid }) => oid)).toEqual([oids[1]]);
    await maintenance[Symbol.asyncDispose]();
  }));

test("knows what reflogs name, and where nothing may be dropped", () =>
  inScratch(async (root) => {
    const { store, directory, packs } = await makeScene(root);
    const [one, two] = packs;
    const look = async () => {
      const maintenance = await store.beginMaintenance!({ dryRun: true });
      return { mayDrop: maintenance.mayDrop, tips: new Set(await collect(maintenance.moreTips())) };
    };
    expect(await look()).toEqual({ mayDrop: true, tips: new Set() });
    git(directory, ["config", "core.logAllRefUpdates", "true"]);
    git(directory, ["update-ref", "refs/heads/b0", two.commit]);
    expect((await look()).tips).toEqual(new Set([one.commit, two.commit]));
    git(directory, ["config", "extensions.preciousObjects", "true"]);
    expect((await look()).mayDrop).toBe(false);
    git(directory, ["config", "--unset", "extensions.preciousObjects"]);
    git(directory, ["worktree", "add", "-q", join(root, "linked"), "b1"]);
    expect((await look()).mayDrop).toBe(false);
  }));

test("a pack put in place while others go is no loose objects, whatever receive.unpackLimit says", () =>
  inScratch(async (root) => {
    const { store, directory, packs, packFiles } = await makeScene(root);
    git(directory, ["config", "receive.unpackLimit", "1000"]);
    const maintenance = await store.beginMaintenance!();
    const whole = await makeTinyPack("whole");
    const stage = await stagePack(store, whole);
    await store.commit({ add: [stage], remove: { packs: packs.map(({ id }) => id) } });
    await stage[Symbol.asyncDispose]();
    await maintenance[Symbol.asyncDispose]();
    expect((await packFiles()).filter((name) => name.endsWith(".pack"))).toEqual([`pack-${whole.id}.pack`]);
  }));
