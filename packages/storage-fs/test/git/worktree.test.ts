import { mkdir, readdir, readFile, realpath, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { expect, test } from "vitest";
import {
  openFsRepository,
  openFsStorage,
  type UpdateWorkTree,
  type WorkTreeRefusal,
  type WorkTreeUpdate,
} from "../../src/index.ts";
import { gitRefs, makeTinyPack, push } from "./actions.ts";
import { git, tryGit } from "@millrace/git-lab";
import { inScratch, refLines, withSnapshot } from "./scratch.ts";

async function checkedOut(directory: string): Promise<readonly string[] | undefined> {
  return withSnapshot(await openFsRepository(directory), async (view) => view.checkedOut?.());
}

/** The branches that git would not let another worktree have. */
function gitCheckedOut(directory: string): string[] {
  const format = "--format=%(refname)\t%(worktreepath)";
  const lines = git(directory, ["for-each-ref", format, "refs/heads/"]).split("\n");
  return lines.filter((line) => /\t./.test(line)).map((line) => line.split("\t")[0] as string);
}

async function makeTree(root: string): Promise<{ main: string; linked: string; commits: string[] }> {
  const [main, linked] = [join(root, "main"), join(root, "linked")];
  git(root, ["-c", "init.defaultBranch=main", "init", "--quiet", main]);
  const commits: string[] = [];
  for (let index = 0; index < 6; index++) {
    await writeFile(join(main, "file"), `${index}\n`);
    git(main, ["add", "file"]);
    git(main, ["commit", "--quiet", "-m", `${index}`]);
    commits.push(git(main, ["rev-parse", "HEAD"]).trim());
  }
  git(main, ["worktree", "add", "--quiet", "-b", "side/branch", linked]);
  return { main, linked, commits };
}

test("a linked worktree has its own HEAD and some refs of its own, and shares the others", () =>
  inScratch(async (root) => {
    const { main, linked, commits } = await makeTree(root);
    for (const [directory, index] of [
      [main, 0],
      [linked, 1],
    ] as const) {
      for (const name of [
        "bisect/bad",
        "worktree/a/b",
        "rewritten/x",
        "heads/shared",
        "worktreeless/x",
        "bisected/y",
      ])
        git(directory, ["update-ref", `refs/${name}`, commits[index] as string]);
      git(directory, ["update-ref", `refs/worktree/only${index}`, commits[index] as string]);
    }
    git(linked, ["symbolic-ref", "refs/worktree/link", "refs/bisect/bad"]);
    git(linked, ["symbolic-ref", "refs/remotes/o/HEAD", "refs/bisect/bad"]);
    for (const packed of [false, true]) {
      if (packed) git(main, ["pack-refs", "--all"]);
      for (const directory of [main, linked]) {
        const store = await openFsRepository(directory);
        expect(await refLines(store)).toEqual(gitRefs(directory));
        await withSnapshot(store, async (view) => {
          expect(await view.head()).toEqual({
            symref: git(directory, ["symbolic-ref", "HEAD"]).trim(),
            oid: git(directory, ["rev-parse", "HEAD"]).trim(),
          });
          for (const name of [
            "refs/bisect/bad",
            "refs/worktree/only0",
            "refs/worktree/only1",
            "refs/heads/shared",
          ]) {
            const { status, stdout } = tryGit(directory, ["rev-parse", "--verify", "--quiet", name]);
            expect((await view.ref(name))?.oid, name).toBe(status === 0 ? stdout.trim() : undefined);
          }
        });
      }
    }
  }));

test("writes go where git would write, with logs, and leave what git leaves", () =>
  inScratch(async (root) => {
    const { main, linked, commits } = await makeTree(root);
    git(main, ["config", "core.logAllRefUpdates", "always"]);
    const store = await openFsStorage({ root }).open("linked");
    const [one, two] = commits as [string, string];
    const names = ["refs/bisect/good-1", "refs/worktree/deep/er", "refs/heads/new", "refs/rewritten/r"];
    const identity = "A <a@example.org>";
    const made = await store.commit({ refs: names.map((name) => ({ name, old: null, new: one })), identity });
    expect(made.refs).toEqual([undefined, undefined, undefined, undefined]);
    expect(await refLines(store)).toEqual(gitRefs(linked));
    expect(gitRefs(main).filter((line) => /bisect|worktree|rewritten/.test(line))).toEqual([]);
    expect(gitRefs(main)).toContain(`${one} refs/heads/new`);
    for (const name of names) {
      expect(git(linked, ["reflog", "show", "--format=%H", name])).toBe(`${one}\n`);
      expect(git(linked, ["rev-parse", name]).trim()).toBe(one);
    }
    const own = join(main, ".git", "worktrees", "linked");
    expect(await readFile(join(own, "logs", "refs", "bisect", "good-1"), "utf8")).toContain(one);
    const moved = await store.commit({
      refs: [{ name: "refs/heads/side/branch", new: two }],
      identity,
      message: "m",
    });
    expect(moved.refs).toEqual([undefined]);
    expect(git(linked, ["reflog", "show", "-1", "--format=%H %gs", "HEAD"])).toBe(`${two} m\n`);
    await store.commit({ refs: names.map((name) => ({ name, old: one, new: null })) });
    expect(await refLines(store)).toEqual(gitRefs(linked));
    expect((await readdir(join(own, "refs"), { recursive: true })).sort()).toEqual([
      "bisect",
      "rewritten",
      "worktree",
    ]);
    expect(git(linked, ["symbolic-ref", "HEAD"]).trim()).toBe("refs/heads/side/branch");
    // HEAD of the worktree, not that of the repository.
    await store.commit({
      refs: [{ name: "refs/heads/moved", new: two }],
      symrefs: [{ name: "HEAD", target: "refs/heads/moved" }],
    });
    expect(git(linked, ["symbolic-ref", "HEAD"]).trim()).toBe("refs/heads/moved");
    expect(git(main, ["symbolic-ref", "HEAD"]).trim()).toBe("refs/heads/main");
    const pack = await makeTinyPack("into a worktree");
    await push(store, pack, { refs: [{ name: "refs/heads/pushed", new: pack.commit }] });
    expect(git(main, ["rev-parse", "refs/heads/pushed"]).trim()).toBe(pack.commit);
    expect(tryGit(main, ["fsck", "--strict"]).status).toBe(0);
  }));

test("checkedOut tells the branches of all worktrees, from whichever it is asked", () =>
  inScratch(async (root) => {
    const { main, linked, commits } = await makeTree(root);
    git(main, ["branch", "free"]);
    git(main, ["worktree", "add", "--quiet", "--detach", join(root, "detached")]);
    git(main, ["worktree", "add", "--quiet", "-b", "gone", join(root, "gone")]);
    await rm(join(root, "gone"), { recursive: true });
    const all = ["refs/heads/gone", "refs/heads/main", "refs/heads/side/branch"];
    expect(gitCheckedOut(main)).toEqual(all);
    for (const directory of [main, linked, join(root, "detached")])
      expect(await checkedOut(directory)).toEqual(all);

    git(main, ["worktree", "prune"]);
    git(main, ["branch", "-D", "-q", "gone"]);
    git(linked, ["symbolic-ref", "refs/heads/alias", "refs/heads/free"]);
    git(linked, ["symbolic-ref", "HEAD", "refs/heads/alias"]);
    expect(await checkedOut(main)).toEqual(["refs/heads/free", "refs/heads/main"]);
    git(linked, ["symbolic-ref", "HEAD", "refs/heads/unborn"]);
    expect(await checkedOut(main)).toEqual(["refs/heads/main", "refs/heads/unborn"]);

    // A rebase and a bisection keep the branch they have left for a while.
    git(linked, ["checkout", "--quiet", "-f", "-b", "rebased", commits[2] as string]);
    await writeFile(join(linked, "file"), "conflict\n");
    git(linked, ["commit", "--quiet", "-am", "conflict"]);
    expect(tryGit(linked, ["rebase", "--quiet", "main"]).status).not.toBe(0);
    expect(tryGit(linked, ["symbolic-ref", "HEAD"]).status).not.toBe(0);
    expect(await checkedOut(main)).toEqual(["refs/heads/main", "refs/heads/rebased"]);
    expect(tryGit(main, ["worktree", "add", join(root, "no"), "rebased"]).status).not.toBe(0);
    git(linked, ["rebase", "--abort"]);
    expect(tryGit(linked, ["rebase", "--quiet", "--apply", "main"]).status).not.toBe(0);
    expect(await checkedOut(main)).toEqual(["refs/heads/main", "refs/heads/rebased"]);
    git(linked, ["rebase", "--abort"]);
    git(main, ["bisect", "start", "main", commits[0] as string]);
    expect(await checkedOut(main)).toEqual(["refs/heads/main", "refs/heads/rebased"]);
    git(main, ["bisect", "reset"]);
    git(main, ["checkout", "--quiet", "--detach"]);
    expect(await checkedOut(main)).toEqual(["refs/heads/rebased"]);
  }));

test("a bare repository has no branch checked out but those of its linked worktrees", () =>
  inScratch(async (root) => {
    const { main } = await makeTree(root);
    git(root, ["clone", "--quiet", "--bare", main, "bare.git"]);
    const bare = join(root, "bare.git");
    expect(await checkedOut(bare)).toEqual([]);
    git(bare, ["worktree", "add", "--quiet", join(root, "tree"), "side/branch"]);
    expect(await checkedOut(bare)).toEqual(["refs/heads/side/branch"]);
    // With the extension on, that the main one is bare may stand in its own file.
    git(bare, ["config", "extensions.worktreeConfig", "true"]);
    git(bare, ["config", "--unset", "core.bare"]);
    git(bare, ["config", "--file", join(bare, "config.worktree"), "core.bare", "true"]);
    expect(await checkedOut(join(root, "tree"))).toEqual(["refs/heads/side/branch"]);
    git(bare, ["config", "--file", join(bare, "config.worktree"), "core.bare", "false"]);
    expect(await checkedOut(join(root, "tree"))).toEqual(["refs/heads/main", "refs/heads/side/branch"]);
    // What is no worktree to git is none.
    await mkdir(join(bare, "worktrees", "broken"));
    await writeFile(join(bare, "worktrees", "broken", "HEAD"), "ref: refs/heads/broken\n");
    expect(await checkedOut(bare)).toEqual(["refs/heads/main", "refs/heads/side/branch"]);
  }));

test("a working tree follows before its branch moves, while nothing of the push is to be seen", () =>
  inScratch(async (root) => {
    const { main, linked, commits } = await makeTree(root);
    const asked: WorkTreeUpdate[] = [];
    let refusal: WorkTreeRefusal | undefined;
    const updateWorkTree: UpdateWorkTree = async (update) => {
      asked.push(update);
      const env = { GIT_ALTERNATE_OBJECT_DIRECTORIES: update.objectDirectories.join(":") };
      expect(tryGit(main, ["cat-file", "-e", update.commit], undefined, env).status).toBe(0);
      expect(tryGit(main, ["cat-file", "-e", update.commit]).status).not.toBe(0);
      expect(git(main, ["rev-parse", "main", "side/branch"])).toBe(`${commits[5]}\n${commits[5]}\n`);
      return refusal;
    };
    const store = await openFsRepository(main, { updateWorkTree });
    const pack = await makeTinyPack("followed");
    const refs = ["main", "side/branch", "free"].map((leaf) => ({
      name: `refs/heads/${leaf}`,
      new: pack.commit,
      updateWorkTree: leaf !== "free",
    }));
    refusal = { reason: "not now", details: ["a file is in the way"] };
    const refused = await push(store, pack, { refs, atomic: true });
    expect(refused.committed).toBe(false);
    expect(refused.refs[0]).toMatchObject({
      code: "REF_DENIED",
      message: "not now",
      details: refusal.details,
    });
    expect(await readdir(join(main, ".git/objects/pack"))).toEqual([]);

    refusal = undefined;
    asked.length = 0;
    expect((await push(store, pack, { refs })).refs).toEqual([undefined, undefined, undefined]);
    expect(asked).toMatchObject([
      { gitDir: join(main, ".git"), path: await realpath(main), commit: pack.commit, isUnborn: false },
      { gitDir: join(main, ".git/worktrees/linked"), path: await realpath(linked), commit: pack.commit },
    ]);
    expect(git(main, ["rev-parse", "main", "side/branch", "free"])).toBe(`${pack.commit}\n`.repeat(3));
  }));
