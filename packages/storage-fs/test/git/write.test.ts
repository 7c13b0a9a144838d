import { readdir, readFile, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { describe, expect, test } from "vitest";
import { openFsRepository, openFsStorage } from "../../src/index.ts";
import { gitRefs, makeTinyPack, push } from "./actions.ts";
import { git, tryGit } from "@millrace/git-lab";
import { inScratch, refLines } from "./scratch.ts";

async function tree(root: string): Promise<Record<string, string>> {
  const files: Record<string, string> = {};
  for (const entry of await readdir(root, { recursive: true, withFileTypes: true })) {
    const path = join(entry.parentPath, entry.name);
    const mode = ((await stat(path)).mode & 0o777).toString(8);
    files[path.slice(root.length)] = entry.isFile()
      ? `${mode} ${await readFile(path, "utf8")}`
      : `${mode} directory`;
  }
  return files;
}

describe.each(["sha1", "sha256"] as const)("a %s repository", (objectFormat) => {
  test("is laid out as git init does it, without sample hooks", () =>
    inScratch(async (root) => {
      await openFsStorage({ root }).create("ours.git", { objectFormat });
      git(root, [
        "-c",
        "init.defaultBranch=main",
        "init",
        "--quiet",
        "--bare",
        `--object-format=${objectFormat}`,
        "git.git",
      ]);
      const theirs = await tree(join(root, "git.git"));
      for (const path of Object.keys(theirs)) if (path.endsWith(".sample")) delete theirs[path];
      expect(await tree(join(root, "ours.git"))).toEqual(theirs);
      expect((await stat(join(root, "ours.git"))).mode).toBe((await stat(join(root, "git.git"))).mode);
    }));

  test("that we have pushed to satisfies git", () =>
    inScratch(async (root) => {
      const storage = openFsStorage({ root });
      const store = await storage.create("r.git", { objectFormat, onFirstCommit: true });
      const directory = join(root, "r.git");
      for (let round = 0; round < 3; round++) {
        const pack = await makeTinyPack(`round ${round}`, objectFormat);
        const result = await push(store, pack, {
          refs: [
            { name: "refs/heads/main", new: pack.commit },
            { name: `refs/tags/deep/er/${round}`, old: null, new: pack.commit },
          ],
        });
        expect(result).toEqual({ refs: [undefined, undefined], committed: true });
        expect(git(directory, ["rev-parse", "HEAD"]).trim()).toBe(pack.commit);
        expect(git(directory, ["cat-file", "commit", "HEAD"])).toContain(`round ${round}`);
      }
      const fsck = tryGit(directory, ["fsck", "--strict", "--full"]);
      expect([fsck.status, fsck.stdout, fsck.stderr]).toEqual([0, "", ""]);
      expect(gitRefs(directory)).toEqual(await refLines(store));
      const files = await readdir(join(directory, "objects", "pack"));
      expect(files.filter((name) => !/\.(?:pack|idx|rev)$/.test(name))).toEqual([]);
      for (const name of files)
        expect((await stat(join(directory, "objects", "pack", name))).mode & 0o777).toBe(0o444);
      expect((await readdir(join(directory, "objects"))).sort()).toEqual(["info", "pack"]);
      for (const name of files.filter((file) => file.endsWith(".idx"))) {
        git(directory, ["verify-pack", join("objects", "pack", name)]);
      }
      git(directory, ["clone", "--quiet", "--mirror", directory, join(root, "copy")]);
    }));
});

test("deleting packed and loose refs leaves what git would leave", () =>
  inScratch(async (root) => {
    const store = await openFsStorage({ root }).create("r.git");
    const directory = join(root, "r.git");
    const pack = await makeTinyPack("delete");
    const names = ["a/b/c", "a/b/d", "e", "f/g"].map((leaf) => `refs/heads/${leaf}`);
    await push(store, pack, { refs: names.map((name) => ({ name, new: pack.commit })) });
    git(directory, ["pack-refs", "--all"]);
    await store.commit({
      refs: [
        { name: "refs/heads/f/g", new: pack.commit },
        { name: "refs/heads/loose", new: pack.commit },
      ],
    });
    const gone = ["refs/heads/a/b/c", "refs/heads/f/g", "refs/heads/loose"];
    const result = await store.commit({ refs: gone.map((name) => ({ name, old: pack.commit, new: null })) });
    expect(result.refs).toEqual([undefined, undefined, undefined]);
    expect(gitRefs(directory)).toEqual([`${pack.commit} refs/heads/a/b/d`, `${pack.commit} refs/heads/e`]);
    expect(await readdir(join(directory, "refs", "heads"))).toEqual([]);
    expect((await readdir(directory)).filter((name) => name.startsWith("packed-refs"))).toEqual([
      "packed-refs",
    ]);
    // What is in the way of a new ref only as empty directories, or only in packed-refs.
    git(directory, ["update-ref", "-d", "refs/heads/a/b/d"]);
    const after = await store.commit({ refs: [{ name: "refs/heads/a", old: null, new: pack.commit }] });
    expect(after.refs).toEqual([undefined]);
    const below = await store.commit({ refs: [{ name: "refs/heads/e/x", new: pack.commit }] });
    expect(below.refs[0]?.code).toBe("REF_DIRECTORY_CONFLICT");
    expect(git(directory, ["fsck", "--strict"])).toBe("");
  }));

test("reflogs are written where the configuration asks, in git's form", () =>
  inScratch(async (root) => {
    const storage = openFsStorage({ root });
    const store = await storage.create("r.git");
    const directory = join(root, "r.git");
    const [one, two] = [await makeTinyPack("log 1"), await makeTinyPack("log 2")];
    const identity = "Ada <ada@example.org>";
    await push(store, one, {
      refs: [{ name: "refs/heads/main", new: one.commit }],
      identity,
      message: "push",
    });
    expect(await readdir(directory)).not.toContain("logs");

    git(directory, ["config", "core.logAllRefUpdates", "true"]);
    await push(store, two, {
      refs: [
        { name: "refs/heads/main", new: two.commit },
        { name: "refs/tags/t", new: two.commit },
        { name: "refs/heads/x/y", new: two.commit },
      ],
      identity,
      message: "push\nof  two",
    });
    const log = await readFile(join(directory, "logs", "refs", "heads", "main"), "utf8");
    expect(log).toMatch(
      new RegExp(`^${one.commit} ${two.commit} Ada <ada@example\\.org> \\d+ \\+0000\tpush of two\n$`),
    );
    expect(git(directory, ["reflog", "show", "--format=%H %gn %gs", "HEAD"])).toBe(
      `${two.commit} Ada push of two\n`,
    );
    expect(git(directory, ["reflog", "show", "--format=%H", "refs/heads/x/y"])).toBe(`${two.commit}\n`);
    expect(await readdir(join(directory, "logs", "refs"))).toEqual(["heads"]);

    await store.commit({ refs: [{ name: "refs/heads/x/y", new: null }] });
    expect(await readdir(join(directory, "logs", "refs", "heads"))).toEqual(["main"]);
    git(directory, ["config", "core.logAllRefUpdates", "always"]);
    await store.commit({
      refs: [
        { name: "refs/tags/u", new: one.commit },
        { name: "refs/heads/x", new: one.commit },
      ],
    });
    expect(git(directory, ["reflog", "show", "--format=%H", "refs/tags/u"])).toBe(`${one.commit}\n`);
    expect(git(directory, ["fsck", "--strict"])).toBe("");
  }));

test("a repository with a working tree is served, and keeps its logs", () =>
  inScratch(async (root) => {
    const directory = join(root, "tree");
    git(root, ["-c", "init.defaultBranch=main", "init", "--quiet", directory]);
    git(directory, ["commit", "--quiet", "--allow-empty", "-m", "one"]);
    const store = await openFsStorage({ root }).open("tree");
    expect(store.name).toBe("tree");
    expect(await refLines(store)).toEqual(gitRefs(directory));
    const pack = await makeTinyPack("tree");
    await push(store, pack, { refs: [{ name: "refs/heads/other", new: pack.commit }], message: "push" });
    expect(git(directory, ["reflog", "show", "--format=%H %gs", "other"])).toBe(`${pack.commit} push\n`);
    // A linked worktree has a HEAD of its own and shares the rest.
    git(directory, ["worktree", "add", "--quiet", "-b", "side", join(root, "linked")]);
    const linked = await openFsRepository(join(root, "linked"));
    expect(await refLines(linked)).toEqual(gitRefs(directory));
    const view = await linked.snapshot();
    expect((await view.head()).symref).toBe("refs/heads/side");
    await writeFile(join(root, "file"), "");
  }));

test("leftovers of a push are what git gc sweeps", () =>
  inScratch(async (root) => {
    const store = await openFsStorage({ root }).create("r.git");
    const directory = join(root, "r.git");
    const stage = await store.stage();
    await stage.write(new Uint8Array(100));
    expect(
      (await readdir(join(directory, "objects"))).filter((name) => name.startsWith("tmp_objdir-incoming-")),
    ).toHaveLength(1);
    git(directory, ["prune", "--expire=now"]);
    const left = await readdir(join(directory, "objects"));
    expect(left.filter((name) => name.startsWith("tmp_objdir-incoming-"))).toEqual([]);
    await expect(stage[Symbol.asyncDispose]()).resolves.toBeUndefined();
  }));
