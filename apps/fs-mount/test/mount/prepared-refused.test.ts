import { chmodSync, chownSync, mkdirSync, readdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { beforeAll, describe, expect, test } from "vitest";
import type { RepositoryMountOptions } from "../../src/mount-repository.ts";
import { cloneOf, stateOf } from "../support/brought.ts";
import { type MountedRepository, run, useLab, whyNot } from "../support/lab.ts";
import { git, makeRepository } from "../support/repository.ts";

const lab = useLab();
let origin: string;
beforeAll(() => {
  if (whyNot() === undefined) origin = lab.keep(makeRepository());
});

const mountOn = async (
  path: string,
  given: Partial<RepositoryMountOptions> = {},
): Promise<MountedRepository> =>
  await lab.mountRepository(`file://${origin}`, { name: "main", preparedGitDirectory: path, ...given });

/** Git's objects of a commit and its root, as loose files that can be harmed. */
function loosenHead(path: string): string {
  const packs = join(path, "objects/pack");
  for (const name of readdirSync(packs).filter((each) => each.endsWith(".pack"))) {
    const content = readFileSync(join(packs, name));
    rmSync(packs, { recursive: true });
    mkdirSync(packs);
    git(path, ["unpack-objects", "-q"], content);
  }
  const tree = git(path, ["rev-parse", "HEAD^{tree}"]);
  return join(path, "objects", tree.slice(0, 2), tree.slice(2));
}

function ownBySomebody(folder: string): void {
  for (const name of ["", ...readdirSync(folder, { recursive: true, encoding: "utf8" })])
    chownSync(join(folder, name), 12345, 12345);
}

/** What is brought, what it is told, and the code where it is another one. */
type Refusal = readonly [what: string, bring: () => string, words: RegExp, code?: string];

const REFUSALS: readonly Refusal[] = [
  ["nothing", () => join(lab.folder(), "none"), /it is no directory/],
  ["a folder that is no git directory", () => lab.folder(), /not a git repository/],
  ["a working tree", () => origin, /its git directory is .*\.git/],
  ["the .git of a working tree with files", () => join(origin, ".git"), /working tree with files/],
  ["a folder in a git directory", () => join(cloneOf(lab, origin, "--bare"), "refs"), /not a git repository/],
  [
    "the git directory of a linked working tree",
    () => {
      const path = cloneOf(lab, origin, "--bare");
      git(path, ["worktree", "add", "-q", "--detach", join(dirname(path), "linked")]);
      return join(path, "worktrees/linked");
    },
    /a linked working tree's/,
  ],
  [
    "one whose working tree is elsewhere",
    () => {
      const path = cloneOf(lab, origin, "--bare");
      git(path, ["config", "core.bare", "false"]);
      git(path, ["config", "core.worktree", "../elsewhere"]);
      return path;
    },
    /its working tree is .*elsewhere/,
  ],
  [
    "a clone of another repository",
    () => {
      const path = cloneOf(lab, origin, "--bare");
      git(path, ["remote", "set-url", "origin", "https://example.com/other.git"]);
      return path;
    },
    /its origin is https:\/\/example\.com\/other\.git/,
  ],
  [
    "one that keeps a password",
    () => {
      const path = cloneOf(lab, origin, "--bare");
      git(path, ["remote", "set-url", "origin", "https://me:secret@example.com/other.git"]);
      return path;
    },
    /^(?!.*secret).*has a password in it/,
  ],
  [
    "one of another hash",
    () => {
      const path = join(lab.folder(), "other.git");
      git("/", ["init", "-q", "--bare", "--object-format=sha256", path]);
      return path;
    },
    /its objects are sha256, those of its origin sha1/,
  ],
  [
    "one of somebody else",
    () => {
      const path = cloneOf(lab, origin, "--bare");
      chmodSync(dirname(path), 0o755);
      ownBySomebody(path);
      return path;
    },
    /dubious ownership/,
  ],
  [
    "one with an extension that git does not know",
    () => {
      const path = cloneOf(lab, origin, "--bare");
      git(path, ["config", "core.repositoryformatversion", "1"]);
      git(path, ["config", "extensions.nobodyknows", "true"]);
      return path;
    },
    /nobodyknows/,
  ],
  [
    "one whose index somebody has locked",
    () => {
      const path = cloneOf(lab, origin, "--bare");
      writeFileSync(join(path, "index.lock"), "");
      return path;
    },
    /index\.lock is there/,
  ],
  [
    "one that has the branch in another working tree",
    () => {
      const path = cloneOf(lab, origin, "--bare");
      git(path, ["symbolic-ref", "HEAD", "refs/heads/none"]);
      git(path, ["worktree", "add", "-q", join(dirname(path), "linked"), "main"]);
      return path;
    },
    /main is checked out at .*linked/,
  ],
  [
    "one whose root tree is gone",
    () => {
      const path = cloneOf(lab, origin, "--bare");
      rmSync(loosenHead(path));
      return path;
    },
    /git ls-tree: /,
    "MOUNT_PREPARED_DAMAGED",
  ],
  [
    "one whose index is none",
    () => {
      const path = cloneOf(lab, origin, "--bare");
      git(path, ["read-tree", "main"]);
      writeFileSync(join(path, "index"), "no index");
      return path;
    },
    /git ls-files: .*index/,
    "MOUNT_PREPARED_DAMAGED",
  ],
];

describe("what is no git directory to be mounted on is refused and left as it is:", () => {
  const all = REFUSALS.map(([what, bring, words, code = "MOUNT_PREPARED_REFUSED"]) => ({
    what,
    bring,
    words,
    code,
  }));
  test.each(all)("$what", async ({ bring, words, code }) => {
    const path = bring();
    const look = (): unknown => {
      try {
        return stateOf(path);
      } catch (error) {
        return (error as NodeJS.ErrnoException).code;
      }
    };
    const before = look();
    await expect(mountOn(path)).rejects.toMatchObject({
      code,
      message: expect.stringMatching(words) as string,
    });
    expect(look()).toEqual(before);
  });
});

test("one that is in the mount, or around it, is not looked at", async () => {
  const path = cloneOf(lab, origin, "--bare");
  mkdirSync(join(path, "inside"));
  for (const directory of [path, dirname(path), join(path, "inside")])
    await expect(mountOn(path, { directory })).rejects.toMatchObject({ code: "MOUNT_PREPARED_REFUSED" });
});

test("it has the history that it has: with a required commit or a depth it is refused", async () => {
  const path = cloneOf(lab, origin, "--bare");
  const requireCommit = git(path, ["rev-parse", "main"]);
  for (const given of [{ requireCommit }, { depth: 3 }])
    await expect(mountOn(path, given)).rejects.toMatchObject({ code: "MOUNT_PREPARED_REFUSED" });
});

test("one git directory has one mount, and a state folder one git directory", async () => {
  const [path, other] = [cloneOf(lab, origin, "--bare"), cloneOf(lab, origin, "--bare")];
  const folders = lab.folders();
  const { mounted, directory } = await mountOn(path, folders);
  await expect(mountOn(path)).rejects.toMatchObject({ code: "MOUNT_STATE_LOCKED" });
  expect(await run("git", ["status", "--porcelain"], { cwd: directory })).toBe("");
  await mounted.unmount();
  await expect(mountOn(other, folders)).rejects.toMatchObject({ code: "MOUNT_BAD_STATE" });
  await expect(lab.mountRepository(`file://${origin}`, { ...folders, name: "main" })).rejects.toMatchObject({
    code: "MOUNT_BAD_STATE",
  });
  const plain = lab.folders();
  const ours = await lab.mountRepository(`file://${origin}`, { ...plain, name: "main" });
  await ours.mounted.unmount();
  await expect(mountOn(other, plain)).rejects.toMatchObject({ code: "MOUNT_BAD_STATE" });
  const again = await mountOn(path);
  await again.mounted.unmount();
});

describe("a mount that was killed while it moved HEAD", () => {
  /** What it leaves: the branch has moved or not, and the index that was to follow lies there under its lock. */
  const killed = (isMoved: boolean): { readonly path: string; readonly commit: string } => {
    const path = cloneOf(lab, origin, "--bare");
    const old = git(path, ["rev-parse", "main"]);
    const tree = git(path, ["rev-parse", "main~1^{tree}"]);
    const commit = git(path, ["commit-tree", "-p", "main", "-m", "next", tree]);
    git(path, ["read-tree", "main"]);
    const staged = git(path, ["hash-object", "-w", "--stdin"], "staged\n");
    git(path, ["update-index", "--add", "--cacheinfo", `100644,${staged},staged`]);
    writeFileSync(join(path, "millrace-next-index"), readFileSync(join(path, "index")));
    const script = `GIT_DIR=${path} GIT_INDEX_FILE=${path}/millrace-next-index git read-tree -i -m ${old} ${commit}
      mkdir ${path}/millrace-locks; cd ${path}; touch index.lock packed-refs.lock; ln index.lock packed-refs.lock millrace-locks`;
    git(path, ["-c", `alias.leave=!${script}`, "leave"]);
    writeFileSync(join(path, "millrace-moving.json"), JSON.stringify({ branch: "refs/heads/main", commit }));
    if (isMoved) git(path, ["update-ref", "refs/heads/main", commit]);
    return { path, commit };
  };
  const staged = async ({ directory }: MountedRepository): Promise<string> =>
    await run("git", ["diff", "--cached", "--name-status"], { cwd: directory });

  test("has its index follow the branch that has moved", async () => {
    const { path, commit } = killed(true);
    const mount = await mountOn(path);
    expect(mount.mounted.commit).toBe(commit);
    expect(await staged(mount)).toBe("A\tstaged\n");
    await mount.mounted.unmount();
    expect(readdirSync(path).filter((name) => /millrace|lock/.test(name))).toEqual([]);
  });

  test("has done nothing where it has not moved, and takes nobody's lock away", async () => {
    const { path } = killed(false);
    rmSync(join(path, "index.lock"));
    writeFileSync(join(path, "index.lock"), "somebody's");
    git(path, ["update-ref", "refs/heads/main", "main~1"]);
    await expect(mountOn(path)).rejects.toMatchObject({ code: "MOUNT_PREPARED_REFUSED" });
    expect(readFileSync(join(path, "index.lock"), "utf8")).toBe("somebody's");
    rmSync(join(path, "index.lock"));
    git(path, ["update-ref", "refs/heads/main", git(origin, ["rev-parse", "main"])]);
    const mount = await mountOn(path);
    expect(await staged(mount)).toBe("A\tstaged\n");
    await mount.mounted.unmount();
  });
});
