import { type ChildProcess, spawn } from "node:child_process";
import { readdir } from "node:fs/promises";
import { join } from "node:path";
import type { RepositoryStore } from "@millrace/storage";
import { expect, test } from "vitest";
import { openFsRepository, openFsStorage } from "../../src/index.ts";
import { gitRefs, makeTinyPack, push, type TinyPack } from "./actions.ts";
import { git, gitEnvironment, tryGit } from "@millrace/git-lab";
import { collect, inScratch, refLines, withSnapshot } from "./scratch.ts";

/** Runs git without waiting for it; resolves to its exit status. */
function later(cwd: string, args: readonly string[]): Promise<number> {
  const child: ChildProcess = spawn("git", args, { cwd, stdio: "ignore", env: gitEnvironment() });
  return new Promise((resolve, reject) => {
    child.on("error", reject);
    child.on("close", (status) => resolve(status ?? -1));
  });
}

/** Runs a git command again and again until `stop` is called, which waits for the last run. */
function repeatedly(cwd: string, commands: readonly (readonly string[])[]): { stop(): Promise<number> } {
  let running = true;
  let runs = 0;
  const loop = (async () => {
    while (running) {
      for (const command of commands) await later(cwd, command);
      runs++;
    }
  })();
  return {
    async stop() {
      running = false;
      await loop;
      return runs;
    },
  };
}

function expectSound(directory: string): void {
  const { status, stdout, stderr } = tryGit(directory, ["fsck", "--strict", "--full"]);
  // Objects that lost a race are dangling, which is no fault.
  const faults = stdout.split("\n").filter((line) => line !== "" && !line.startsWith("dangling "));
  expect([status, faults, stderr]).toEqual([0, [], ""]);
}

async function makeRepository(
  root: string,
): Promise<{ store: RepositoryStore; directory: string; pack: TinyPack }> {
  const store = await openFsStorage({ root }).create("r.git");
  const pack = await makeTinyPack("base");
  await push(store, pack, { refs: [{ name: "refs/heads/main", new: pack.commit }] });
  const directory = join(root, "r.git");
  git(directory, ["config", "gc.auto", "0"]);
  return { store, directory, pack };
}

test("git packs refs, repacks and collects between a snapshot and its reads", () =>
  inScratch(async (root) => {
    const { store, directory, pack } = await makeRepository(root);
    const second = await makeTinyPack("second");
    await push(store, second, { refs: [{ name: "refs/heads/second", new: second.commit }] });
    const view = await store.snapshot();
    await view.packs();
    const handle = await view.openPack(pack.id);
    git(directory, ["pack-refs", "--all"]);
    git(directory, ["gc", "--quiet", "--prune=now"]);
    expect((await collect(view.refs())).map(({ oid, name }) => `${oid} ${name}`)).toEqual(gitRefs(directory));
    expect((await view.head()).oid).toBe(pack.commit);
    expect(Buffer.from(await handle.read(0, handle.sizeBytes)).equals(pack.bytes)).toBe(true);
    expect(Buffer.from((await handle.sidecar("rev")) ?? []).equals(pack.rev)).toBe(true);
    await handle[Symbol.asyncDispose]();
    const [merged] = await view.packs({ reload: true });
    const again = await view.openPack(merged?.id as string);
    expect((await again.read(0, 4)).toString()).toBe(Buffer.from("PACK").join(","));
    await again[Symbol.asyncDispose]();
    await view[Symbol.asyncDispose]();
  }));

test("no ref is ever missed while git packs refs", () =>
  inScratch(async (root) => {
    const { store, directory, pack } = await makeRepository(root);
    const names = Array.from({ length: 40 }, (_, index) => `refs/heads/d${index % 5}/n${index}`);
    await store.commit({ refs: names.map((name) => ({ name, new: pack.commit })) });
    const other = await makeTinyPack("other");
    await push(store, other, {});
    const packing = repeatedly(directory, [["pack-refs", "--all", "--prune"]]);
    try {
      for (let round = 0; round < 40; round++) {
        const name = names[round % names.length] as string;
        const next = round % 2 === 0 ? other.commit : pack.commit;
        const { refs } = await store.commit({ refs: [{ name, new: next }] });
        expect(refs).toEqual([undefined]);
        const lines = await refLines(store);
        expect(lines).toHaveLength(names.length + 1);
        expect(lines).toContain(`${next} ${name}`);
        expect((await withSnapshot(store, (view) => view.ref(name)))?.oid).toBe(next);
      }
    } finally {
      expect(await packing.stop()).toBeGreaterThan(0);
    }
    expect(await refLines(store)).toEqual(gitRefs(directory));
    expectSound(directory);
  }));

test("deletions and creations hold while git packs refs", () =>
  inScratch(async (root) => {
    const { store, directory, pack } = await makeRepository(root);
    // Another commit each time: git prunes a loose ref that has the value it has packed, were it even made anew since.
    const tree = git(directory, ["mktree"]).trim();
    const commits = Array.from({ length: 15 }, (_, index) =>
      git(directory, ["commit-tree", "-m", `${index}`, tree]).trim(),
    );
    const packing = repeatedly(directory, [["pack-refs", "--all", "--prune"]]);
    try {
      await Promise.all(
        [0, 1, 2].map(async (writer) => {
          const mine = await openFsRepository(directory);
          for (const oid of commits) {
            const name = `refs/heads/w${writer}/r`;
            const made = await mine.commit({ refs: [{ name, old: null, new: oid }] });
            expect(made.refs).toEqual([undefined]);
            const gone = await mine.commit({ refs: [{ name, old: oid, new: null }] });
            expect(gone.refs).toEqual([undefined]);
            expect(await withSnapshot(mine, (view) => view.ref(name))).toBeUndefined();
          }
        }),
      );
    } finally {
      expect(await packing.stop()).toBeGreaterThan(0);
    }
    expect(gitRefs(directory)).toEqual([`${pack.commit} refs/heads/main`]);
    expect(await refLines(store)).toEqual(gitRefs(directory));
    expect((await readdir(directory)).filter((name) => name.startsWith("packed-refs"))).toEqual([
      "packed-refs",
    ]);
  }));

test("no push is lost while git repacks and collects", () =>
  inScratch(async (root) => {
    const { store, directory } = await makeRepository(root);
    const repacking = repeatedly(directory, [
      ["repack", "-adq"],
      ["gc", "--quiet"],
    ]);
    const commits: string[] = [];
    try {
      for (let round = 0; round < 25; round++) {
        const pack = await makeTinyPack(`push ${round}`);
        const { refs } = await push(store, pack, {
          refs: [{ name: `refs/heads/p${round}`, old: null, new: pack.commit }],
        });
        expect(refs).toEqual([undefined]);
        commits.push(pack.commit);
        await withSnapshot(store, async (view) => {
          for (const { id } of await view.packs()) {
            const handle = await view.openPack(id).catch((error: { code?: string }) => {
              expect(error.code).toBe("STORAGE_NOT_FOUND");
              return undefined;
            });
            if (handle === undefined) continue;
            expect(Buffer.from(await handle.read(0, 4)).toString()).toBe("PACK");
            await handle[Symbol.asyncDispose]();
          }
        });
      }
    } finally {
      expect(await repacking.stop()).toBeGreaterThan(0);
    }
    for (const [round, commit] of commits.entries()) {
      expect(git(directory, ["cat-file", "commit", `refs/heads/p${round}`])).toContain(`push ${round}`);
      expect(git(directory, ["rev-parse", `refs/heads/p${round}`]).trim()).toBe(commit);
    }
    expectSound(directory);
    expect(
      (await readdir(join(directory, "objects", "pack"))).filter((name) => name.endsWith(".keep")),
    ).toEqual([]);
  }));

test("git update-ref and our commits race: every success is one link of one chain", () =>
  inScratch(async (root) => {
    const { store, directory, pack } = await makeRepository(root);
    const packs = await Promise.all(Array.from({ length: 12 }, (_, index) => makeTinyPack(`race ${index}`)));
    for (const one of packs) await push(store, one, {});
    const next = new Map<string, string>();
    const win = (old: string, to: string): void => {
      expect(next.has(old)).toBe(false);
      next.set(old, to);
    };
    const current = async (): Promise<string> =>
      (await withSnapshot(store, (view) => view.ref("refs/heads/main")))?.oid as string;
    await Promise.all(
      packs.map(async ({ commit }, index) => {
        for (let attempt = 0; attempt < 500; attempt++) {
          const old = await current();
          const won =
            index % 2 === 0
              ? (await later(directory, ["update-ref", "refs/heads/main", commit, old])) === 0
              : (await store.commit({ refs: [{ name: "refs/heads/main", old, new: commit }] })).refs[0] ===
                undefined;
          if (won) return win(old, commit);
        }
        throw new Error("never had a turn");
      }),
    );
    let length = 0;
    for (let at: string | undefined = pack.commit; at !== undefined && next.has(at); at = next.get(at))
      length++;
    expect(length).toBe(packs.length);
    expectSound(directory);
  }));
