import { mkdir, readdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { openPackIndex } from "@millrace/pack";
import { describe, expect, test } from "vitest";
import { openFsRepository } from "../../src/index.ts";
import { gitRefs, makeTinyPack, push } from "./actions.ts";
import { git, tryGit } from "@millrace/git-lab";
import { collect, inScratch, refLines, withSnapshot } from "./scratch.ts";

function commitOn(directory: string, ref: string, message: string): string {
  const blob = git(directory, ["hash-object", "-w", "--stdin"], `${message}\n`.repeat(50)).trim();
  const tree = git(directory, ["mktree"], `100644 blob ${blob}\t${message}\n`).trim();
  const oid = git(directory, ["commit-tree", "-m", message, tree]).trim();
  git(directory, ["update-ref", ref, oid]);
  return oid;
}

/** Every object in packs and loose ones, as a reader finds them. */
async function allObjects(directory: string): Promise<string[]> {
  const store = await openFsRepository(directory);
  return withSnapshot(store, async (view) => {
    const oids = new Set(await collect(view.listLoose()));
    for (const { id } of await view.packs()) {
      const handle = await view.openPack(id);
      const index = openPackIndex((await handle.sidecar("idx")) as Uint8Array, store.objectFormat);
      expect(Buffer.from(index.packChecksum).toString("hex")).toBe(id);
      for (let position = 0; position < index.count; position++) oids.add(index.oidAt(position));
      await handle[Symbol.asyncDispose]();
    }
    return [...oids].sort();
  });
}

function gitObjects(directory: string): string[] {
  const list = git(directory, ["cat-file", "--batch-all-objects", "--batch-check=%(objectname)"]);
  return [...new Set(list.trim().split("\n"))].sort();
}

describe.each(["sha1", "sha256"] as const)("a %s repository", (format) => {
  test("packed-refs of every kind are read, and rewritten, as git does", () =>
    inScratch(async (root) => {
      git(root, ["init", "--quiet", "--bare", `--object-format=${format}`, "r.git"]);
      const directory = join(root, "r.git");
      const oids = ["one", "two"].map((message) => commitOn(directory, `refs/heads/${message}`, message));
      for (const name of ["z", "a/b", "a-b", "a0", "m"])
        git(directory, ["update-ref", `refs/heads/${name}`, oids[0]!]);
      git(directory, ["tag", "-m", "annotated", "v1", oids[0]!]);
      git(directory, ["tag", "-m", "annotated", "v2", "v1"]);
      git(directory, ["tag", "light", oids[1]!]);
      git(directory, ["update-ref", "refs/other/annotated", git(directory, ["rev-parse", "v1"]).trim()]);
      git(directory, ["pack-refs", "--all"]);
      const packed = await readFile(join(directory, "packed-refs"), "utf8");
      const records = packed
        .split("\n")
        .slice(1)
        .join("\n")
        .match(/^[0-9a-f]+ .*\n(?:\^.*\n)?/gm) as string[];
      const isTag = (record: string): boolean => record.includes(" refs/tags/");
      const bare = (record: string): string => record.replace(/\^.*\n/, "");
      const variants: readonly [string, readonly string[]][] = [
        ["# pack-refs with: peeled fully-peeled sorted \n", records],
        ["# pack-refs with: peeled fully-peeled \n", records.toReversed()],
        [
          "# pack-refs with: peeled sorted \n",
          records.map((record) => (isTag(record) ? record : bare(record))),
        ],
        [
          "# pack-refs with: peeled \n",
          records.toReversed().map((record) => (isTag(record) ? record : bare(record))),
        ],
        ["# pack-refs with: sorted \n", records.map(bare)],
        ["# pack-refs with: \n", records.toReversed().map(bare)],
        ["# pack-refs with: peeled fully-peeled sorted novelty \n", records],
        ["", records.toReversed().map(bare)],
        ["", records],
      ];
      for (const [header, lines] of variants) {
        const file = header + lines.join("");
        await writeFile(join(directory, "packed-refs"), file);
        const store = await openFsRepository(directory);
        expect(await refLines(store), file).toEqual(gitRefs(directory));
        await withSnapshot(store, async (view) => {
          for (const name of [
            "refs/tags/v1",
            "refs/tags/v2",
            "refs/other/annotated",
            "refs/tags/light",
            "refs/heads/m",
          ]) {
            const ref = await view.ref(name);
            expect(ref?.oid).toBe(git(directory, ["rev-parse", name]).trim());
            // What is told must be right; it need not be told.
            if (ref?.peeled === undefined) continue;
            const peeled = git(directory, ["rev-parse", `${name}^{}`]).trim();
            expect(ref.peeled, `${header} ${name}`).toBe(peeled === ref.oid ? null : peeled);
          }
        });
        const gone = await store.commit({ refs: [{ name: "refs/heads/m", new: null }] });
        expect(gone.refs).toEqual([undefined]);
        const left = gitRefs(directory);
        expect(left).toHaveLength(records.length - 1);
        expect(await refLines(store), file).toEqual(left);
        const below = await store.commit({ refs: [{ name: "refs/heads/a", new: oids[0]! }] });
        expect(below.refs[0]?.code).toBe("REF_DIRECTORY_CONFLICT");
        expect(git(directory, ["for-each-ref", "--format=%(*objectname)", "refs/tags/v1"]).trim()).toBe(
          oids[0],
        );
        expect(tryGit(directory, ["fsck"]).status).toBe(0);
      }
      for (const bad of ["nonsense\n", `${packed}no newline`, `# pack-refs\n`, `${oids[0]} refs/heads/x`]) {
        await writeFile(join(directory, "packed-refs"), bad);
        const store = await openFsRepository(directory);
        await expect(refLines(store), bad).rejects.toMatchObject({ code: "STORAGE_CORRUPT" });
      }
    }));

  test("indexes of version 1, a multi-pack-index, and what repacks by it leave", () =>
    inScratch(async (root) => {
      git(root, ["init", "--quiet", "--bare", `--object-format=${format}`, "r.git"]);
      const directory = join(root, "r.git");
      git(directory, ["config", "gc.auto", "0"]);
      for (let round = 0; round < 4; round++) {
        commitOn(directory, `refs/heads/p${round}`, `message ${round}`);
        git(directory, ["-c", "pack.indexVersion=1", "repack", "-dq"]);
        git(directory, ["update-server-info"]);
        expect(await allObjects(directory)).toEqual(gitObjects(directory));
      }
      const objects = gitObjects(directory);
      const step = async (...args: string[]): Promise<void> => {
        git(directory, args);
        expect(await allObjects(directory), args.join(" ")).toEqual(objects);
        const store = await openFsRepository(directory);
        const pack = await makeTinyPack("same", format);
        await push(store, pack, { refs: [{ name: "refs/heads/pushed", new: pack.commit }] });
        await store.commit({ refs: [{ name: "refs/heads/pushed", new: null }] });
        const { status, stdout } = tryGit(directory, ["fsck", "--full", "--strict", "--no-dangling"]);
        expect([status, stdout]).toEqual([0, ""]);
        await rm(join(directory, "objects", "pack", `pack-${pack.id}.pack`), { force: true });
        for (const kind of ["idx", "rev"])
          await rm(join(directory, "objects", "pack", `pack-${pack.id}.${kind}`), { force: true });
      };
      await step("multi-pack-index", "write");
      await step("multi-pack-index", "repack", "--batch-size=0");
      await step("multi-pack-index", "expire");
      await step("multi-pack-index", "write", "--bitmap");
      await step("repack", "-adq", "--write-midx");
      await step("update-server-info");
      expect(await readFile(join(directory, "objects", "info", "packs"), "utf8")).toContain("pack-");
    }));
});

test("packs count only with their index; files that git keeps beside them do not matter", () =>
  inScratch(async (root) => {
    git(root, ["init", "--quiet", "--bare", "r.git"]);
    const directory = join(root, "r.git");
    commitOn(directory, "refs/heads/main", "one");
    git(directory, ["repack", "-adq"]);
    const packs = join(directory, "objects", "pack");
    const name = (await readdir(packs)).find((file) => file.endsWith(".pack")) as string;
    for (const kind of ["keep", "mtimes", "promisor", "bitmap"])
      await writeFile(join(packs, name.replace("pack", kind)), "");
    for (const kind of ["keep", "promisor"]) await writeFile(join(packs, name.replace(/pack$/, kind)), "");
    await writeFile(join(packs, "tmp_pack_XYZ"), "x");
    await writeFile(join(packs, "pack-short.pack"), "x");
    await writeFile(join(packs, "pack-short.idx"), "x");
    const store = await openFsRepository(directory);
    await withSnapshot(store, async (view) => expect(await view.packs()).toHaveLength(1));
    await rename(join(packs, name.replace(/pack$/, "idx")), join(packs, "aside"));
    await withSnapshot(store, async (view) => expect(await view.packs()).toEqual([]));
  }));

test("partial and shallow clones, and extensions that are none of ours, open and are read", () =>
  inScratch(async (root) => {
    git(root, ["init", "--quiet", "--bare", "source.git"]);
    const source = join(root, "source.git");
    git(source, ["config", "uploadpack.allowFilter", "true"]);
    const one = commitOn(source, "refs/heads/main", "one");
    const tree = git(source, ["rev-parse", "main^{tree}"]).trim();
    const two = git(source, ["commit-tree", "-m", "two", "-p", one, tree]).trim();
    const three = git(source, ["commit-tree", "-m", "three", "-p", two, tree]).trim();
    git(source, ["update-ref", "refs/heads/main", three]);
    git(source, ["update-ref", "refs/heads/other", two]);
    git(source, ["symbolic-ref", "HEAD", "refs/heads/main"]);
    git(root, ["clone", "--quiet", "--bare", "--filter=blob:none", `file://${source}`, "partial.git"]);
    git(root, [
      "clone",
      "--quiet",
      "--bare",
      "--depth=2",
      "--no-single-branch",
      `file://${source}`,
      "shallow.git",
    ]);
    git(root, ["clone", "--quiet", "--bare", source, "worktrees.git"]);
    git(join(root, "worktrees.git"), ["config", "extensions.worktreeConfig", "true"]);
    git(join(root, "worktrees.git"), ["config", "core.repositoryFormatVersion", "1"]);
    git(join(root, "worktrees.git"), ["config", "extensions.preciousObjects", "true"]);
    for (const name of ["partial.git", "shallow.git", "worktrees.git"]) {
      const directory = join(root, name);
      const store = await openFsRepository(directory);
      expect(await refLines(store)).toEqual(gitRefs(directory));
      expect(await allObjects(directory)).toEqual(gitObjects(directory));
      await withSnapshot(store, async (view) => {
        const file = await readFile(join(directory, "shallow"), "utf8").catch(() => "");
        expect([...(await view.shallow())].sort()).toEqual(
          file
            .split("\n")
            .filter((line) => line !== "")
            .sort(),
        );
        expect((await view.shallow()).length > 0).toBe(name === "shallow.git");
      });
      const pack = await makeTinyPack(name);
      await push(store, pack, { refs: [{ name: "refs/heads/pushed", new: pack.commit }] });
      expect(git(directory, ["rev-parse", "refs/heads/pushed"]).trim()).toBe(pack.commit);
      expect(tryGit(directory, ["fsck", "--strict"]).status).toBe(0);
    }
    git(join(root, "shallow.git"), ["fetch", "--quiet", "--unshallow"]);
    const store = await openFsRepository(join(root, "shallow.git"));
    await withSnapshot(store, async (view) => expect(await view.shallow()).toEqual([]));
    await writeFile(join(root, "shallow.git", "shallow"), "nonsense\n");
    await withSnapshot(store, (view) =>
      expect(view.shallow()).rejects.toMatchObject({ code: "STORAGE_CORRUPT" }),
    );
  }));

test("broken and dangling refs are left out, those around them told, as git does", () =>
  inScratch(async (root) => {
    git(root, ["init", "--quiet", "--bare", "r.git"]);
    const directory = join(root, "r.git");
    const one = commitOn(directory, "refs/heads/main", "one");
    const refs = join(directory, "refs", "heads");
    await mkdir(join(refs, "deep"));
    const files: Readonly<Record<string, string>> = {
      empty: "",
      short: one.slice(0, 39),
      long: `${one}0\n`,
      spaced: ` ${one}\n`,
      upper: `${one.toUpperCase()}\n`,
      tail: `${one} tail\n`,
      crlf: `${one}\r\n`,
      bare: one,
      zero: `${"0".repeat(40)}\n`,
      dangling: "ref: refs/heads/nothing\n",
      tight: "ref:refs/heads/main\n",
      wide: "ref: \t refs/heads/main \n\n",
      chain: "ref: refs/heads/wide\n",
      circle: "ref: refs/heads/circle\n",
      outside: "ref: ../config\n",
      "deep/ok": `${one}\n`,
      "deep/.hidden": `${one}\n`,
      "deep/x.lock": `${one}\n`,
    };
    for (const [name, text] of Object.entries(files)) await writeFile(join(refs, name), text);
    const store = await openFsRepository(directory);
    expect(await refLines(store)).toEqual(gitRefs(directory));
    await withSnapshot(store, async (view) => {
      for (const name of Object.keys(files)) {
        const { status, stdout } = tryGit(directory, [
          "for-each-ref",
          "--format=%(objectname)",
          `refs/heads/${name}`,
        ]);
        const expected = status === 0 && stdout !== "" ? stdout.trim() : undefined;
        expect((await view.ref(`refs/heads/${name}`))?.oid, name).toBe(expected);
      }
    });
  }));
