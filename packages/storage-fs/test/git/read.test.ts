import { mkdir, readdir, rename, rm, symlink, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { isRefLines, type LooseObject, refsOf } from "@millrace/storage";
import { describe, expect, test } from "vitest";
import { openFsRepository, openFsStorage } from "../../src/index.ts";
import { gitRefs, makeTinyPack, push } from "./actions.ts";
import { git } from "@millrace/git-lab";
import { collect, inScratch, refLines, withSnapshot } from "./scratch.ts";

function init(directory: string, format = "sha1"): void {
  git("/", [
    "-c",
    "init.defaultBranch=main",
    "init",
    "--quiet",
    "--bare",
    `--object-format=${format}`,
    directory,
  ]);
}

function commitOn(directory: string, ref: string, message: string): string {
  const tree = git(directory, ["mktree"]).trim();
  const oid = git(directory, ["commit-tree", "-m", message, tree]).trim();
  git(directory, ["update-ref", ref, oid]);
  return oid;
}

describe.each(["sha1", "sha256"] as const)("what git wrote in a %s repository", (format) => {
  test("refs: thousands of packed ones, told as lines, with loose ones among them", () =>
    inScratch(async (root) => {
      init(root, format);
      const store = await openFsRepository(root);
      const one = commitOn(root, "refs/heads/main", "one");
      const two = commitOn(root, "refs/heads/other", "two");
      git(root, ["tag", "-m", "annotated", "v1", one]);
      const many = Array.from({ length: 5000 }, (_, i) => `refs/heads/n${i}${i === 999 ? "-\u00fc" : ""}`);
      const create = many.map((name) => `create ${name} ${one}\n`).join("");
      git(root, ["-c", "core.fsync=none", "update-ref", "--stdin"], create);
      git(root, ["pack-refs", "--all"]);
      for (const leaf of ["n1", "n1234", "n1234-", "n4999", "zz"]) {
        git(root, ["update-ref", `refs/heads/${leaf}`, two]);
      }
      git(root, ["symbolic-ref", "refs/heads/n77", "refs/heads/n78"]);
      expect(await refLines(store)).toEqual(gitRefs(root));
      await withSnapshot(store, async (view) => {
        const batches = await collect(view.refBatches());
        const told = batches.flatMap((batch) => refsOf(batch, format));
        expect(told).toEqual(await collect(view.refs()));
        expect(told.filter(({ symref }) => symref !== undefined)).toHaveLength(1);
        expect(told.find(({ name }) => name === "refs/tags/v1")?.peeled).toBe(one);
        const lines = batches.filter(isRefLines);
        expect(lines.reduce((sum, { count }) => sum + count, 0)).toBeGreaterThan(2000);
        const heads = await collect(view.refBatches({ prefixes: ["refs/heads/n12"] }));
        expect(heads.flatMap((batch) => refsOf(batch, format)).map(({ name }) => name)).toEqual(
          git(root, ["for-each-ref", "--format=%(refname)", "refs/heads/n12*"]).trim().split("\n"),
        );
      });
    }));

  test("refs: loose, packed, both, symbolic, broken", () =>
    inScratch(async (root) => {
      init(root, format);
      const store = await openFsRepository(root);
      expect(store.objectFormat).toBe(format);
      const one = commitOn(root, "refs/heads/main", "one");
      for (const name of ["a/b", "a-b", "a0", "z"]) git(root, ["update-ref", `refs/heads/${name}`, one]);
      git(root, ["tag", "-m", "annotated", "v1", one]);
      git(root, ["pack-refs", "--all"]);
      const two = commitOn(root, "refs/heads/a/b", "two");
      git(root, ["update-ref", "refs/heads/loose/only", two]);
      git(root, ["symbolic-ref", "refs/remotes/origin/HEAD", "refs/heads/a/b"]);
      git(root, ["symbolic-ref", "refs/heads/dangling", "refs/heads/nothing"]);
      expect(await refLines(store)).toEqual(gitRefs(root));

      await writeFile(join(root, "refs", "heads", "broken"), "nonsense\n");
      await writeFile(join(root, "refs", "heads", "empty"), "");
      await writeFile(join(root, "refs", "heads", "zero"), `${"0".repeat(one.length)}\n`);
      await writeFile(join(root, "refs", "heads", "outside"), "ref: ../../config\n");
      await writeFile(join(root, "refs", "heads", "bad..name"), `${one}\n`);
      await writeFile(join(root, "refs", "heads", "left.lock"), `${one}\n`);
      await symlink("refs/heads/main", join(root, "refs", "heads", "link"));
      await mkdir(join(root, "refs", "heads", "hollow", "dir"), { recursive: true });
      const names = (await refLines(store)).map((line) => line.split(" ")[1]);
      expect(names).toEqual([
        "refs/heads/a-b",
        "refs/heads/a/b",
        "refs/heads/a0",
        "refs/heads/link",
        "refs/heads/loose/only",
        "refs/heads/main",
        "refs/heads/z",
        "refs/remotes/origin/HEAD",
        "refs/tags/v1",
      ]);
      await withSnapshot(store, async (view) => {
        expect((await view.ref("refs/heads/a/b"))?.oid).toBe(two);
        expect((await view.ref("refs/tags/v1"))?.peeled).toBe(one);
        expect((await view.ref("refs/heads/z"))?.peeled).toBeNull();
        expect(await view.ref("refs/heads/broken")).toBeUndefined();
        expect(await view.ref("refs/heads/link")).toMatchObject({ oid: one });
        expect(await view.ref("refs/remotes/origin/HEAD")).toEqual({
          name: "refs/remotes/origin/HEAD",
          symref: "refs/heads/a/b",
          oid: two,
        });
      });
      // A broken ref can be put right, and a deletion does not care.
      const result = await store.commit({
        refs: ["broken", "empty"].map((leaf) => ({ name: `refs/heads/${leaf}`, new: one })),
      });
      expect(result.refs).toEqual([undefined, undefined]);
      const gone = await store.commit({
        refs: [
          { name: "refs/heads/zero", new: null },
          { name: "refs/heads/outside", old: null, new: null },
        ],
      });
      expect(gone.refs.map((refusal) => refusal?.code)).toEqual([undefined, "REF_CONFLICT"]);
    }));

  test("HEAD: unborn, symbolic, detached", () =>
    inScratch(async (root) => {
      init(root, format);
      const store = await openFsRepository(root);
      const head = (): Promise<unknown> => withSnapshot(store, (view) => view.head());
      expect(await head()).toEqual({ symref: "refs/heads/main", oid: undefined });
      const one = commitOn(root, "refs/heads/main", "one");
      expect(await head()).toEqual({ symref: "refs/heads/main", oid: one });
      git(root, ["update-ref", "--no-deref", "HEAD", one]);
      expect(await head()).toEqual({ symref: undefined, oid: one });
      await rm(join(root, "HEAD"));
      await symlink("refs/heads/main", join(root, "HEAD"));
      expect(await head()).toEqual({ symref: "refs/heads/main", oid: one });
    }));

  test("loose objects: all of them, small and large, and damaged ones are told", () =>
    inScratch(async (root) => {
      init(root, format);
      const store = await openFsRepository(root);
      const large = Buffer.alloc(3 << 20, 0);
      for (let at = 0; at < large.length; at += 4) large.writeUInt32LE((at * 2654435761) >>> 0, at);
      const blobs = [Buffer.alloc(0), Buffer.from("small\n"), Buffer.alloc(1 << 20, "repeated "), large];
      const oids = blobs.map((blob) => git(root, ["hash-object", "-w", "--stdin"], blob).trim());
      const commit = commitOn(root, "refs/heads/main", "one");
      await withSnapshot(store, async (view) => {
        const listed = await collect(view.listLoose());
        expect(listed).toEqual(expect.arrayContaining([...oids, commit]));
        for (const [index, oid] of oids.entries()) {
          const object = await view.openLoose(oid);
          expect([object?.type, object?.sizeBytes]).toEqual(["blob", blobs[index]?.length]);
          const content = Buffer.concat(await collect(object?.stream() ?? []));
          expect(content.equals(blobs[index] as Buffer)).toBe(true);
        }
        expect((await view.openLoose(commit))?.type).toBe("commit");
        expect(await view.openLoose("1".repeat(commit.length))).toBeUndefined();
        expect(await view.openLoose("not an id")).toBeUndefined();
        // Leaving early, and a file that git has packed meanwhile.
        const held = await view.openLoose(oids[3] as string);
        for await (const chunk of (held as LooseObject).stream()) {
          expect(chunk.length).toBeGreaterThan(0);
          break;
        }
        const small = await view.openLoose(oids[1] as string);
        const path = (oid: string): string => join(root, "objects", oid.slice(0, 2), oid.slice(2));
        for (const oid of [oids[1], oids[3]]) await rm(path(oid as string));
        expect(Buffer.concat(await collect(small?.stream() ?? [])).toString()).toBe("small\n");
        await expect(collect(held?.stream() ?? [])).rejects.toMatchObject({ code: "STORAGE_NOT_FOUND" });
        await rm(path(oids[2] as string));
        await writeFile(path(oids[2] as string), "not zlib at all");
        await expect(view.openLoose(oids[2] as string)).rejects.toMatchObject({ code: "STORAGE_CORRUPT" });
      });
    }));

  test("packs: found, read, and looked for again after a repack", () =>
    inScratch(async (root) => {
      init(root, format);
      const store = await openFsRepository(root);
      commitOn(root, "refs/heads/main", "one");
      git(root, ["repack", "-adq"]);
      commitOn(root, "refs/heads/two", "two");
      const view = await store.snapshot();
      const [first] = await view.packs();
      const handle = await view.openPack(first?.id as string);
      git(root, ["repack", "-adq"]);
      const name = (await readdir(join(root, "objects", "pack"))).find((file) => file.endsWith(".pack"));
      expect(await view.packs()).toEqual([first]);
      const [second] = await view.packs({ reload: true });
      expect(name).toBe(`pack-${second?.id}.pack`);
      const bytes = await handle.read(0, handle.sizeBytes);
      expect(Buffer.from(bytes.subarray(-(first?.id.length ?? 0) / 2)).toString("hex")).toBe(first?.id);
      expect((await handle.sidecar("idx"))?.length).toBeGreaterThan(1000);
      await handle[Symbol.asyncDispose]();
      await expect(view.openPack(first?.id as string)).rejects.toMatchObject({ code: "STORAGE_NOT_FOUND" });
      // A pack of another name, as very old gits and people made them, has its id from its trailer.
      const pack = join(root, "objects", "pack");
      for (const kind of ["pack", "idx"])
        await rename(join(pack, `pack-${second?.id}.${kind}`), join(pack, `pack-odd.${kind}`));
      expect((await view.packs({ reload: true })).map(({ id }) => id)).toEqual([second?.id]);
      const odd = await view.openPack(second?.id as string);
      expect(odd.id).toBe(second?.id);
      await odd[Symbol.asyncDispose]();
    }));
});

test("alternates: packs, loose objects and tips of all repositories on the way", () =>
  inScratch(async (root) => {
    const [far, near, own] = ["far.git", 'near "quoted".git', "own.git"].map((name) => join(root, name)) as [
      string,
      string,
      string,
    ];
    for (const directory of [far, near, own]) init(directory);
    const farCommit = commitOn(far, "refs/heads/far", "far");
    git(far, ["repack", "-adq"]);
    const nearCommit = commitOn(near, "refs/heads/near", "near");
    await writeFile(join(near, "objects", "info", "alternates"), "../../far.git/objects\n");
    await writeFile(
      join(own, "objects", "info", "alternates"),
      `# borrowed\n\n${join(root, "missing", "objects")}\n${JSON.stringify(join(near, "objects"))}\n../../own.git/objects\n`,
    );
    git(own, ["update-ref", "refs/heads/main", farCommit]);
    const store = await openFsRepository(own);
    await withSnapshot(store, async (view) => {
      expect(await view.packs()).toHaveLength(1);
      const [pack] = await view.packs();
      const handle = await view.openPack(pack?.id as string);
      await handle[Symbol.asyncDispose]();
      expect((await view.openLoose(nearCommit))?.type).toBe("commit");
      expect(await collect(view.listLoose())).toContain(nearCommit);
      expect(await collect(view.alternateTips())).toEqual([nearCommit, farCommit]);
    });
    expect(git(own, ["rev-parse", "HEAD^{tree}"]).trim()).toHaveLength(40);
  }));

test("shallow: the commits without parents here", () =>
  inScratch(async (root) => {
    const source = join(root, "source.git");
    init(source);
    const one = commitOn(source, "refs/heads/main", "one");
    const tree = git(source, ["mktree"]).trim();
    const two = git(source, ["commit-tree", "-m", "two", "-p", one, tree]).trim();
    git(source, ["update-ref", "refs/heads/main", two]);
    git(root, ["clone", "--quiet", "--bare", "--depth=1", `file://${source}`, "shallow.git"]);
    const store = await openFsRepository(join(root, "shallow.git"));
    await withSnapshot(store, async (view) => expect(await view.shallow()).toEqual([two]));
    await withSnapshot(await openFsRepository(source), async (view) =>
      expect(await view.shallow()).toEqual([]),
    );
  }));

test("names: suffixes are tried in git's order", () =>
  inScratch(async (root) => {
    const storage = openFsStorage({ root });
    init(join(root, "team", "bare.git"));
    git(root, ["-c", "init.defaultBranch=main", "init", "--quiet", join(root, "tree")]);
    git(root, ["init", "--quiet", "--separate-git-dir", join(root, "elsewhere"), join(root, "gitfile")]);
    await mkdir(join(root, "plain", "folder"), { recursive: true });
    expect((await storage.open("team/bare")).name).toBe("team/bare.git");
    expect((await storage.open("team/bare.git")).name).toBe("team/bare.git");
    expect((await storage.open("tree")).name).toBe("tree");
    expect((await storage.open("gitfile")).name).toBe("gitfile");
    for (const name of ["plain", "plain/folder", "team", "missing"]) {
      await expect(storage.open(name)).rejects.toMatchObject({ code: "STORAGE_NOT_FOUND" });
    }
    expect(await collect(storage.list())).toEqual(["elsewhere", "gitfile", "team/bare.git", "tree"]);
    await expect(storage.create("team/bare")).rejects.toMatchObject({ code: "STORAGE_EXISTS" });
    await expect(storage.create("plain")).rejects.toMatchObject({ code: "STORAGE_EXISTS" });
    await expect(storage.create("team/bare.git/inside")).rejects.toMatchObject({ code: "STORAGE_BAD_NAME" });
    await expect(storage.create(".millrace-x/y")).rejects.toMatchObject({ code: "STORAGE_BAD_NAME" });
    await expect(storage.remove("tree")).rejects.toMatchObject({ code: "STORAGE_UNSUPPORTED" });
    await storage.remove("team/bare");
    expect(await readdir(root)).toEqual(expect.not.arrayContaining(["team"]));
    // The whole disk can be served.
    const everything = openFsStorage({ root: "/" });
    const pack = await makeTinyPack("everywhere");
    const store = await everything.open(join(root, "tree").slice(1));
    await push(store, pack, { refs: [{ name: "refs/heads/x", new: pack.commit }] });
    expect(await refLines(await openFsRepository(join(root, "tree")))).toEqual(gitRefs(join(root, "tree")));
  }));

test("formats that we do not know are refused", () =>
  inScratch(async (root) => {
    const configs: Readonly<Record<string, string | undefined>> = {
      "[core]\nrepositoryformatversion = 2\n": "STORAGE_UNSUPPORTED",
      "[core]\nrepositoryformatversion = 1\n[extensions]\nrefStorage = ledger\n": "STORAGE_UNSUPPORTED",
      "[core]\nrepositoryformatversion = 1\n[extensions]\nrefStorage = reftable\n": undefined,
      "[core]\nrepositoryformatversion = 1\n[extensions]\nobjectFormat = sha512\n": "STORAGE_UNSUPPORTED",
      "[core]\nrepositoryformatversion = 1\n[extensions]\nnovelty = true\n": "STORAGE_UNSUPPORTED",
      "[core\n": "STORAGE_CORRUPT",
      "[core]\nrepositoryformatversion = 1\n[extensions]\nnoop\npartialClone = origin\nrefStorage = files\n":
        undefined,
      "[core]\nrepositoryformatversion = 0\n[extensions]\nnovelty = true\n": undefined,
      "": undefined,
    };
    init(root);
    for (const [config, code] of Object.entries(configs)) {
      await writeFile(join(root, "config"), config);
      if (code === undefined) await openFsRepository(root);
      else await expect(openFsRepository(root), config).rejects.toMatchObject({ code });
    }
  }));
