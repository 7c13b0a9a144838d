import { spawn, spawnSync } from "node:child_process";
import { once } from "node:events";
import { readdir, readFile, rm, stat, utimes } from "node:fs/promises";
import { join } from "node:path";
import { indexPack, zeroOid } from "@millrace/pack";
import type { RepositoryStore } from "@millrace/storage";
import { describe, expect, test } from "vitest";
import { openFsRepository, openFsStorage } from "../../src/index.ts";
import { makeTinyPack, push, stagePack, type TinyPack } from "./actions.ts";
import { git, tryGit } from "@millrace/git-lab";
import { inScratch, refLines } from "./scratch.ts";

async function looseNames(directory: string): Promise<string[]> {
  const names: string[] = [];
  for (const prefix of await readdir(join(directory, "objects"))) {
    if (prefix.length !== 2) continue;
    for (const rest of await readdir(join(directory, "objects", prefix))) names.push(prefix + rest);
  }
  return names.sort();
}

async function packFiles(directory: string): Promise<string[]> {
  return (await readdir(join(directory, "objects", "pack"))).sort();
}

function expectSound(directory: string): void {
  const { status, stdout, stderr } = tryGit(directory, ["fsck", "--strict", "--full"]);
  expect([status, stdout, stderr.replace(/^notice: HEAD points to an unborn branch.*\n/, "")]).toEqual([
    0,
    "",
    "",
  ]);
}

async function makeRepository(root: string, config: readonly string[]): Promise<RepositoryStore> {
  const store = await openFsStorage({ root }).create("r.git");
  for (const setting of config)
    git(join(root, "r.git"), ["config", ...(setting.split("=") as [string, string])]);
  return store;
}

/** A pack of git's own making, with deltas and a blob too large to be held whole. */
async function richPack(root: string, format = "sha1"): Promise<TinyPack> {
  const source = join(root, "rich.git");
  git(root, ["init", "--quiet", "--bare", `--object-format=${format}`, source]);
  const blobs: string[] = [];
  const large = Buffer.alloc(5 << 20);
  for (let at = 0; at < large.length; at += 4) large.writeUInt32LE((at * 2654435761) >>> 0, at);
  blobs.push(git(source, ["hash-object", "-w", "--stdin"], large).trim());
  const text = Array.from({ length: 3000 }, (_, line) => `line ${(line * 7919) % 3001}`);
  for (let version = 0; version < 6; version++) {
    text[version * 17] = `changed ${version}`;
    blobs.push(git(source, ["hash-object", "-w", "--stdin"], text.join("\n")).trim());
  }
  const lines = blobs.map((oid, index) => `100644 blob ${oid}\tfile${index}\n`).join("");
  const tree = git(source, ["mktree"], lines).trim();
  const commit = git(source, ["commit-tree", "-m", "rich", tree]).trim();
  git(source, ["update-ref", "refs/heads/main", commit]);
  git(source, ["repack", "-adfq", "--depth=10"]);
  const name = (await packFiles(source)).find((file) => file.endsWith(".pack"));
  const base = join(source, "objects", "pack", (name as string).slice(0, -5));
  git(source, ["index-pack", "--rev-index", `${base}.pack`]);
  const [bytes, idx, rev] = await Promise.all(
    ["pack", "idx", "rev"].map((kind) => readFile(`${base}.${kind}`)),
  );
  const end = (bytes as Buffer).length - zeroOid(format as "sha1").length / 2;
  const id = (bytes as Buffer).subarray(end).toString("hex");
  return { id, commit, bytes, idx, rev } as unknown as TinyPack;
}

describe("unpackLimit", () => {
  const cases: readonly [readonly string[], "loose" | "pack"][] = [
    [[], "pack"],
    [["transfer.unpackLimit=100"], "loose"],
    [["transfer.unpackLimit=0"], "pack"],
    [["receive.unpackLimit=100"], "loose"],
    [["receive.unpackLimit=1", "transfer.unpackLimit=100"], "pack"],
    [["receive.unpackLimit=1k", "transfer.unpackLimit=1"], "loose"],
    [["receive.unpackLimit=-1", "transfer.unpackLimit=100"], "loose"],
    [["receive.unpackLimit=-1"], "pack"],
    [["fetch.unpackLimit=100"], "pack"],
    // A tiny pack has three objects: at the limit it stays a pack.
    [["transfer.unpackLimit=3"], "pack"],
    [["transfer.unpackLimit=4"], "loose"],
  ];
  test.each(cases)("%j: a small push is kept as git would keep it: %s", (config, kept) =>
    inScratch(async (root) => {
      const store = await makeRepository(root, config);
      const directory = join(root, "r.git");
      const pack = await makeTinyPack("small");
      const refs = [{ name: "refs/heads/main", new: pack.commit }];
      expect((await push(store, pack, { refs })).refs).toEqual([undefined]);
      expect((await looseNames(directory)).length > 0).toBe(kept === "loose");
      expect((await packFiles(directory)).length > 0).toBe(kept === "pack");
      expectSound(directory);
      // And git, where it does not have its own default; older ones let transfer.unpackLimit win, against their manual.
      const limits = config.filter((setting) => /^(?:receive|transfer)/.test(setting));
      if (limits.length !== 1 || limits[0]?.endsWith("-1") === true) return;
      git(root, ["init", "--quiet", "--bare", "theirs.git"]);
      for (const setting of config)
        git(join(root, "theirs.git"), ["config", ...(setting.split("=") as [string, string])]);
      git(directory, ["push", "--quiet", join(root, "theirs.git"), "refs/heads/main"]);
      expect(await looseNames(join(root, "theirs.git"))).toEqual(await looseNames(directory));
    }),
  );

  test("a value that is no number is refused, and nothing is changed", () =>
    inScratch(async (root) => {
      const store = await makeRepository(root, ["receive.unpackLimit=many"]);
      const pack = await makeTinyPack("small");
      const refs = [{ name: "refs/heads/main", new: pack.commit }];
      await expect(push(store, pack, { refs })).rejects.toMatchObject({ code: "STORAGE_CORRUPT" });
      expect(await refLines(store)).toEqual([]);
      expect(await packFiles(join(root, "r.git"))).toEqual([]);
    }));

  test.each(["sha1", "sha256"] as const)(
    "deltas and large blobs, %s: what git reads is what was pushed",
    (format) =>
      inScratch(async (root) => {
        const directory = join(root, "r.git");
        const store = await openFsStorage({ root }).create("r.git", { objectFormat: format });
        git(directory, ["config", "transfer.unpackLimit", "100"]);
        const pack = await richPack(root, format);
        await push(store, pack, { refs: [{ name: "refs/heads/main", new: pack.commit }] });
        expect(await packFiles(directory)).toEqual([]);
        const listing = git(join(root, "rich.git"), ["rev-list", "--all", "--objects", "--no-object-names"]);
        expect(await looseNames(directory)).toEqual(listing.trim().split("\n").sort());
        expectSound(directory);
        expect(await readdir(join(directory, "objects"))).not.toContainEqual(expect.stringMatching(/^tmp_/));
        for (const oid of await looseNames(directory)) {
          const path = join(directory, "objects", oid.slice(0, 2), oid.slice(2));
          expect((await stat(path)).mode & 0o777).toBe(0o444 & ~process.umask());
        }
      }),
  );

  test("objects that are there already, loose, packed or borrowed, stay as they are and become young", () =>
    inScratch(async (root) => {
      const directory = join(root, "r.git");
      const store = await makeRepository(root, ["transfer.unpackLimit=100"]);
      const pack = await makeTinyPack("known");
      const refs = [{ name: "refs/heads/main", new: pack.commit }];
      await push(store, pack, { refs });
      const old = new Date(Date.now() - 30 * 86_400_000);
      const paths = (await looseNames(directory)).map((oid) =>
        join(directory, "objects", oid.slice(0, 2), oid.slice(2)),
      );
      for (const path of paths) await utimes(path, old, old);
      const before = await Promise.all(paths.map((path) => stat(path)));
      await push(store, pack, { refs });
      const after = await Promise.all(paths.map((path) => stat(path)));
      expect(after.map(({ ino }) => ino)).toEqual(before.map(({ ino }) => ino));
      for (const { mtimeMs } of after) expect(mtimeMs).toBeGreaterThan(old.getTime() + 86_400_000);

      git(directory, ["repack", "-adq"]);
      expect(await looseNames(directory)).toEqual([]);
      const packed = (await packFiles(directory)).find((name) => name.endsWith(".pack"));
      const file = join(directory, "objects", "pack", packed as string);
      await utimes(file, old, old);
      await push(store, pack, { refs });
      expect(await looseNames(directory)).toEqual([]);
      expect((await stat(file)).mtimeMs).toBeGreaterThan(old.getTime() + 86_400_000);

      git(root, ["clone", "--quiet", "--bare", "--shared", directory, "borrower.git"]);
      git(join(root, "borrower.git"), ["config", "transfer.unpackLimit", "100"]);
      const borrower = await openFsRepository(join(root, "borrower.git"));
      await push(borrower, pack, { refs: [{ name: "refs/heads/again", new: pack.commit }] });
      expect(await looseNames(join(root, "borrower.git"))).toEqual([]);
      expectSound(join(root, "borrower.git"));
    }));

  test("two pushes of one pack at once, and a collecting git beside them", () =>
    inScratch(async (root) => {
      const directory = join(root, "r.git");
      const store = await makeRepository(root, ["transfer.unpackLimit=100", "gc.auto=0"]);
      let running = true;
      const collecting = (async () => {
        while (running) {
          const child = spawn("git", ["gc", "--quiet"], { cwd: directory, stdio: "ignore" });
          await once(child, "close");
        }
      })();
      try {
        for (let round = 0; round < 12; round++) {
          const pack = await makeTinyPack(`round ${round}`);
          const pushes = ["a", "b"].map((leaf) =>
            push(store, pack, { refs: [{ name: `refs/heads/${leaf}${round}`, new: pack.commit }] }),
          );
          for (const { refs } of await Promise.all(pushes)) expect(refs).toEqual([undefined]);
        }
      } finally {
        running = false;
        await collecting;
      }
      expectSound(directory);
    }));

  test("a draft that another writer was quicker than gives its objects to theirs", () =>
    inScratch(async (root) => {
      const storage = openFsStorage({ root });
      const draft = await storage.create("r.git", { onFirstCommit: true });
      const pack = await makeTinyPack("late");
      const stage = await stagePack(draft, pack);
      const name = (await readdir(root)).find((entry) => entry.startsWith(".millrace-draft-")) as string;
      git(join(root, name), ["config", "transfer.unpackLimit", "100"]);
      await storage.create("r.git");
      git(join(root, "r.git"), ["config", "transfer.unpackLimit", "100"]);
      const refs = [{ name: "refs/heads/main", new: pack.commit }];
      expect((await draft.commit({ add: [stage], refs })).refs).toEqual([undefined]);
      await stage[Symbol.asyncDispose]();
      expect((await looseNames(join(root, "r.git"))).length).toBe(3);
      expectSound(join(root, "r.git"));
      await draft[Symbol.asyncDispose]();
    }));

  test("a damaged pack is STORAGE_CORRUPT, a swept one STORAGE_STAGE_EXPIRED", () =>
    inScratch(async (root) => {
      const directory = join(root, "r.git");
      const store = await makeRepository(root, ["transfer.unpackLimit=100"]);
      const pack = await makeTinyPack("damaged");
      const bytes = pack.bytes.slice();
      bytes.fill(0x55, 30, 60);
      const refs = [{ name: "refs/heads/main", new: pack.commit }];
      await expect(push(store, { ...pack, bytes }, { refs })).rejects.toMatchObject({
        code: "STORAGE_CORRUPT",
      });
      const stage = await stagePack(store, pack);
      await rm(stage.path as string, { recursive: true });
      await expect(store.commit({ add: [stage], refs })).rejects.toMatchObject({
        code: "STORAGE_STAGE_EXPIRED",
      });
      await stage.discard();
      expect(await looseNames(directory)).toEqual([]);
      expect(await refLines(store)).toEqual([]);
    }));

  test("thin packs that were completed leave no second copy of their bases", () =>
    inScratch(async (root) => {
      const directory = join(root, "r.git");
      const store = await makeRepository(root, ["transfer.unpackLimit=100"]);
      const pack = await richPack(root);
      git(directory, ["config", "transfer.unpackLimit", "1"]);
      await push(store, pack, { refs: [{ name: "refs/heads/main", new: pack.commit }] });
      git(directory, ["config", "transfer.unpackLimit", "100"]);
      const source = join(root, "rich.git");
      const text = git(source, ["cat-file", "blob", "main:file6"]);
      const blob = git(
        source,
        ["hash-object", "-w", "--stdin"],
        text.replace("changed 5", "changed more"),
      ).trim();
      const tree = git(source, ["mktree"], `100644 blob ${blob}\tfile6\n`).trim();
      const commit = git(source, ["commit-tree", "-m", "thin", "-p", "main", tree]).trim();
      git(source, ["update-ref", "refs/heads/main", commit]);
      const thin = spawnSync(
        "git",
        [
          "-c",
          "pack.useBitmaps=false",
          "pack-objects",
          "--revs",
          "--thin",
          "--stdout",
          "--delta-base-offset",
        ],
        {
          cwd: source,
          input: `${commit}\n^${pack.commit}\n`,
        },
      );
      const stage = await store.stage();
      const indexed = await indexPack([thin.stdout], {
        format: "sha1",
        sink: stage,
        resolveBase: async (oid) => ({
          type: "blob",
          content: Buffer.from(git(source, ["cat-file", "blob", oid])),
        }),
      });
      expect(indexed.appendedBases).toBe(1);
      await stage.sidecar("idx", indexed.idx);
      await stage.sidecar("rev", indexed.rev);
      await stage.seal(indexed);
      const refs = [{ name: "refs/heads/main", old: pack.commit, new: commit }];
      expect((await store.commit({ add: [stage], refs })).refs).toEqual([undefined]);
      await stage[Symbol.asyncDispose]();
      expect(await looseNames(directory)).toEqual([blob, tree, commit].sort());
      expectSound(directory);
    }));
});
