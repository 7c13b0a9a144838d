import { existsSync, readFileSync, renameSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { beforeEach, describe, expect, test } from "vitest";
import type { RepositoryMountOptions } from "../../src/mount-repository.ts";
import { cloneOf, commitFile, stateOf } from "../support/brought.ts";
import { type MountedRepository, run, useLab } from "../support/lab.ts";
import { git, makeRepository } from "../support/repository.ts";

const lab = useLab();
let origin: string;
beforeEach(() => {
  origin = lab.keep(makeRepository());
});

const mountOn = async (
  path: string,
  given: Partial<RepositoryMountOptions> = {},
): Promise<MountedRepository> =>
  await lab.mountRepository(`file://${origin}`, { name: "main", preparedGitDirectory: path, ...given });
const inside = async ({ directory }: MountedRepository, script: string): Promise<string> =>
  (await run("sh", ["-ec", script], { cwd: directory })).trimEnd();
const unmount = async ({ mounted }: MountedRepository): Promise<void> => await mounted.unmount();

describe("a git directory that was brought is worked in, and given back:", () => {
  const KINDS: readonly (readonly [string, readonly string[]])[] = [
    ["a bare clone", ["--bare"]],
    ["a mirror", ["--mirror"]],
    ["a partial clone", ["--bare", "--filter=blob:none"]],
    ["a clone without trees", ["--bare", "--filter=tree:0"]],
    ["a shallow clone", ["--bare", "--depth=1"]],
  ];
  test.each(KINDS)("%s", async (_what, options) => {
    const path = cloneOf(lab, origin, ...options);
    const before = stateOf(path);
    const commit = commitFile(origin, "new.txt", "new\n");
    const mount = await mountOn(path);
    expect(mount.mounted.gitDirectory).toBe(path);
    expect(await inside(mount, "git rev-parse HEAD; git symbolic-ref HEAD; git status --porcelain")).toBe(
      `${commit}\nrefs/heads/main`,
    );
    expect(await inside(mount, "cat new.txt README.md; git rev-parse --git-dir")).toBe(
      `new\nversion 3\n${path}`,
    );
    // git works as in a clone that was made with a working tree.
    await inside(mount, "echo mine > mine; git add mine; git commit -qm mine; git push -q origin HEAD:mine");
    expect(git(origin, ["show", "mine:mine"])).toBe("mine");
    expect(await inside(mount, "git status -sb")).toBe("## main...origin/main [ahead 1]");
    expect(mount.faults).toEqual([]);
    await unmount(mount);
    expect(stateOf(path)).toEqual(before);
    expect(git(path, ["show", "main:mine"])).toBe("mine");
    git(path, ["fsck", "--connectivity-only"]);
  });

  test("one of another hash", async () => {
    const other = lab.keep(makeRepository("sha256"));
    const path = cloneOf(lab, other, "--bare");
    const mount = await lab.mountRepository(`file://${other}`, { preparedGitDirectory: path });
    expect(await inside(mount, "git rev-parse HEAD; git status --porcelain")).toBe(
      git(other, ["rev-parse", "main"]),
    );
    await unmount(mount);
  });

  test("a clone that was made without a working tree, called .git", async () => {
    const folder = lab.folder();
    git("/", ["clone", "-q", "--no-checkout", `file://${origin}`, join(folder, "tree")]);
    const path = join(folder, "tree", ".git");
    const before = stateOf(path);
    const mount = await mountOn(path);
    expect(await inside(mount, "git status --porcelain; cat README.md")).toBe("version 3");
    await unmount(mount);
    expect(stateOf(path)).toEqual(before);
    expect(git(join(folder, "tree"), ["rev-parse", "--show-toplevel"])).toBe(join(folder, "tree"));
  });
});

test("what is in a full clone is read without the server, and it stays one", async () => {
  const path = cloneOf(lab, origin, "--bare");
  commitFile(origin, "late.txt", "late\n");
  const mount = await mountOn(path);
  const plain = join(lab.folder(), "plain");
  git("/", ["clone", "-q", origin, plain]);
  const away = `${origin}.away`;
  renameSync(origin, away);
  try {
    expect(await inside(mount, `diff -r --no-dereference --exclude=.git ${plain} .`)).toBe("");
    expect(await inside(mount, "cat late.txt; git grep -c return -- src/part-0/file-0.c")).toBe(
      "late\nsrc/part-0/file-0.c:5",
    );
  } finally {
    renameSync(away, origin);
  }
  expect(mount.requests).toEqual([]);
  await unmount(mount);
  expect(git(path, ["config", "--list"])).not.toMatch(/promisor|partialclone/);
  git(path, ["gc", "-q", "--prune=now"]);
  expect(git(path, ["fsck", "--full", "--strict"])).toBe("");
});

test("of a partial clone files that it has are read without the server, and others are fetched", async () => {
  const path = cloneOf(lab, origin, "--bare", "--filter=blob:none");
  git(path, ["cat-file", "-e", "main:README.md"]);
  const [here, gone] = [git(path, ["rev-parse", "main:README.md"]), git(path, ["rev-parse", "main:run.sh"])];
  const mount = await mountOn(path);
  expect(await inside(mount, "cat README.md; cat run.sh | tail -1")).toBe("version 3\necho ran");
  expect(mount.requests.flat()).toContain(gone);
  expect(mount.requests.flat()).not.toContain(here);
  await unmount(mount);
  git(path, ["gc", "-q"]);
  git(path, ["fsck"]);
});

test("a clone that borrows objects is read through what it borrows from", async () => {
  const path = cloneOf(lab, origin, "--bare", `--reference=${origin}`);
  expect(existsSync(join(path, "objects/info/alternates"))).toBe(true);
  const mount = await mountOn(path);
  expect(await inside(mount, "cat README.md; git status --porcelain")).toBe("version 3");
  expect(mount.requests).toEqual([]);
  await unmount(mount);
});

describe("branches of a git directory that was brought:", () => {
  test("one that is ahead stays, and is mounted", async () => {
    const path = cloneOf(lab, origin, "--bare");
    const own = git(path, ["commit-tree", "-p", "main", "-m", "own", "main~1^{tree}"]);
    git(path, ["update-ref", "refs/heads/main", own]);
    const mount = await mountOn(path);
    expect(mount.mounted.commit).toBe(own);
    expect(await inside(mount, "git rev-parse main; git status --porcelain; ls")).toBe(
      `${own}\nREADME.md\nsrc`,
    );
    await unmount(mount);
  });

  test("one that has gone another way is not moved, and nothing else is", async () => {
    const path = cloneOf(lab, origin, "--bare");
    const own = git(path, ["commit-tree", "-p", "main~1", "-m", "own", "main^{tree}"]);
    git(path, ["update-ref", "refs/heads/main", own]);
    const before = stateOf(path);
    await expect(mountOn(path)).rejects.toMatchObject({ code: "MOUNT_NOT_FAST_FORWARD" });
    expect(git(path, ["rev-parse", "main"])).toBe(own);
    expect(stateOf(path)).toEqual(before);
  });

  test("HEAD goes to the branch that is mounted, from a commit or from another branch; a tag and an id detach it", async () => {
    const path = cloneOf(lab, origin, "--bare");
    git(path, ["branch", "side", "main~1"]);
    git(path, ["symbolic-ref", "HEAD", "refs/heads/side"]);
    git(origin, ["tag", "-a", "-m", "one", "v1", "main~1"]);
    const [head, older] = [git(origin, ["rev-parse", "main"]), git(origin, ["rev-parse", "main~1"])];
    const where = "git symbolic-ref -q HEAD || git rev-parse HEAD; git status --porcelain";
    for (const [name, wanted] of [
      ["main", "refs/heads/main"],
      ["v1", older],
      [head, head],
      ["main", "refs/heads/main"],
    ] as const) {
      const mount = await mountOn(path, { name });
      expect(await inside(mount, where)).toBe(wanted);
      await unmount(mount);
    }
    expect(git(path, ["rev-parse", "main", "side"])).toBe(`${head}\n${older}`);
  });
});

describe("what is staged in a git directory that was brought", () => {
  let path: string;
  beforeEach(() => {
    path = cloneOf(lab, origin, "--bare");
    git(path, ["read-tree", "main"]);
  });
  const stage = (name: string, content: string): void => {
    const oid = git(path, ["hash-object", "-w", "--stdin"], content);
    git(path, ["update-index", "--add", "--cacheinfo", `100644,${oid},${name}`]);
  };

  test("is staged beside the commit that is mounted", async () => {
    stage("staged.txt", "staged\n");
    stage("run.sh", "#!/bin/sh\necho staged\n");
    commitFile(origin, "README.md", "version 4\n");
    const mount = await mountOn(path);
    expect(
      await inside(mount, "git diff --cached --name-status; git show :run.sh | tail -1; cat README.md"),
    ).toBe("M\trun.sh\nA\tstaged.txt\necho staged\nversion 4");
    await unmount(mount);
  });

  test("and does not go with it keeps it from being mounted: neither HEAD nor the index moves", async () => {
    stage("README.md", "mine\n");
    commitFile(origin, "README.md", "version 4\n");
    const before = {
      ...stateOf(path),
      index: git(path, ["ls-files", "--stage"]),
      head: git(path, ["rev-parse", "HEAD"]),
    };
    await expect(mountOn(path)).rejects.toMatchObject({
      code: "MOUNT_INDEX_CONFLICT",
      message: expect.stringContaining("README.md") as string,
    });
    expect({
      ...stateOf(path),
      index: git(path, ["ls-files", "--stage"]),
      head: git(path, ["rev-parse", "HEAD"]),
    }).toEqual(before);
    // As long as nothing is to be moved, conflicts stay, too.
    git(origin, ["reset", "-q", "--hard", "main~1"]);
    const mount = await mountOn(path);
    expect(await inside(mount, "git diff --cached --name-status")).toBe("M\tREADME.md");
    await unmount(mount);
  });

  test("stays as it is where git cannot move the branch", async () => {
    stage("staged.txt", "staged\n");
    commitFile(origin, "README.md", "version 4\n");
    const index = readFileSync(join(path, "index"));
    const head = git(path, ["rev-parse", "HEAD"]);
    writeFileSync(join(path, "refs/heads/main.lock"), "");
    await expect(mountOn(path)).rejects.toMatchObject({
      code: "MOUNT_GIT_FAILED",
      message: expect.stringContaining("main.lock") as string,
    });
    expect(readFileSync(join(path, "index")).equals(index)).toBe(true);
    expect(git(path, ["rev-parse", "HEAD"])).toBe(head);
    rmSync(join(path, "refs/heads/main.lock"));
    const mount = await mountOn(path);
    expect(await inside(mount, "git diff --cached --name-status; cat README.md")).toBe(
      "A\tstaged.txt\nversion 4",
    );
    await unmount(mount);
  });
});

test("it is the same again without the server, with what was changed; what was committed elsewhere meanwhile moves no file", async () => {
  const path = cloneOf(lab, origin, "--bare");
  const folders = lab.folders();
  const first = await mountOn(path, folders);
  await inside(first, "echo mine > mine; git add mine; echo more >> README.md");
  await unmount(first);
  const away = `${origin}.away`;
  renameSync(origin, away);
  try {
    const second = await mountOn(path, folders);
    expect(await inside(second, "git status --porcelain; cat README.md")).toBe(
      " M README.md\nA  mine\nversion 3\nmore",
    );
    await unmount(second);
  } finally {
    renameSync(away, origin);
  }
});
