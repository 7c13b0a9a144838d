import { describe, expect, test } from "vitest";
import { run, useLab } from "../support/lab.ts";
import { Mirror } from "../support/mirror.ts";
import { git, makeRepository } from "../support/repository.ts";

const lab = useLab();

/** A repository with a branch that changes what `main` has, and a push of which is taken. */
function makeOrigin(): string {
  const origin = lab.keep(makeRepository());
  git(origin, ["config", "receive.denyCurrentBranch", "ignore"]);
  git(origin, ["checkout", "-q", "-b", "side", "HEAD~1"]);
  git(origin, ["rm", "-q", "src/part-0/file-3.c"]);
  git(origin, ["mv", "src/part-1", "src/moved"]);
  git(origin, ["commit", "-q", "-m", "side"]);
  git(origin, ["checkout", "-q", "main"]);
  return origin;
}

describe("git in a mount does what it does in a clone beside it", () => {
  test("looking, staging, committing, resetting", async () => {
    const mirror = await Mirror.open(lab, makeOrigin());
    await mirror.same();
    await mirror.git("log", "--format=%H %s");
    await mirror.git("branch", "--list");
    await mirror.git("rev-parse", "HEAD", "HEAD~1^{tree}");
    await mirror.git("show", "--stat", "HEAD");
    await mirror.git("remote", "get-url", "origin");
    await mirror.sh("echo more >> README.md; echo new > new; mkdir -p a/b; echo deep > a/b/deep; rm empty");
    await mirror.git("status", "--short");
    await mirror.git("status", "--porcelain=v1", "-z");
    await mirror.git("diff");
    await mirror.git("add", "README.md", "a");
    await mirror.git("reset", "-q", "README.md");
    await mirror.git("diff", "--cached", "--summary");
    await mirror.git("stash", "push", "--include-untracked", "-m", "put away");
    await mirror.git("stash", "list");
    await mirror.git("stash", "pop", "-q");
    await mirror.git("add", "-A");
    await mirror.git("commit", "-q", "-m", "first");
    await mirror.settled();
    await mirror.same("the base has followed");
    await mirror.git("ls-tree", "-r", "HEAD");
    await mirror.git("ls-files", "--stage");
    await mirror.remount();
    await mirror.git("mv", "src/part-0", "src/renamed");
    await mirror.git("mv", "run.sh", "walk.sh");
    await mirror.git("mv", "link", "names/link");
    await mirror.git("rm", "-q", "names/with space");
    await mirror.git("commit", "-q", "-m", "moved");
    await mirror.sh("echo changed > walk.sh; chmod 644 walk.sh; echo x > untracked");
    await mirror.git("reset", "-q", "--soft", "HEAD~1");
    await mirror.git("reset", "-q", "--mixed", "HEAD~1");
    await mirror.settled();
    await mirror.same("the base has followed");
    await mirror.remount();
    await mirror.git("add", "-A");
    await mirror.git("commit", "-q", "-m", "again");
    await mirror.sh("echo kept > src/part-2/file-2.c");
    await mirror.git("reset", "-q", "--keep", "HEAD~1");
    await mirror.git("reset", "-q", "--merge", "HEAD@{1}");
    await mirror.git("reset", "-q", "--hard", "HEAD~2");
    await mirror.settled();
    await mirror.git("clean", "-fdq");
    await mirror.git("update-ref", "refs/heads/elsewhere", "HEAD~1");
    await mirror.git("symbolic-ref", "HEAD", "refs/heads/elsewhere");
    await mirror.settled();
    await mirror.same("the base has followed");
    await mirror.git("symbolic-ref", "HEAD", "refs/heads/main");
    // A branch that is packed, and one that comes out of that again.
    await mirror.git("pack-refs", "--all");
    await mirror.settled();
    await mirror.git("commit", "-q", "--allow-empty", "-m", "after packing");
    await mirror.git("checkout", "-q", "elsewhere");
    await mirror.settled();
    await mirror.git("checkout", "-q", "main");
    await mirror.settled();
    await mirror.same("the base has followed");
    expect(mirror.mounted.faults).toEqual([]);
  });

  test("branching, merging, rebasing, fetching and pushing", async () => {
    const mirror = await Mirror.open(lab, makeOrigin());
    const { origin } = mirror;
    await mirror.git("checkout", "-q", "-b", "topic");
    await mirror.sh("echo topic > topic; echo topic >> src/part-2/file-2.c");
    await mirror.git("add", ".");
    await mirror.git("commit", "-q", "-m", "topic");
    await mirror.git("checkout", "-q", "main");
    await mirror.sh("echo main > main");
    await mirror.git("add", ".");
    await mirror.git("commit", "-q", "-m", "main");
    await mirror.git("merge", "-q", "--no-ff", "-m", "merged", "topic");
    await mirror.git("fetch", "-q", "origin", "side:refs/remotes/origin/side");
    await mirror.git("checkout", "-q", "-b", "side", "refs/remotes/origin/side");
    await mirror.settled();
    await mirror.same("the base has followed");
    await mirror.remount();
    await mirror.git("cherry-pick", "main^2");
    await mirror.git("rebase", "-q", "main");
    await mirror.git("checkout", "-q", "-b", "conflicting", "topic~1");
    await mirror.sh("echo other > topic; git add topic; git commit -qm other -- topic");
    await mirror.sh("git merge -q topic");
    await mirror.same("a conflict");
    await mirror.remount();
    await mirror.git("checkout", "-q", "--theirs", "--", "topic");
    await mirror.git("add", "topic");
    await mirror.git("commit", "-q", "-m", "resolved");
    await mirror.same("a conflict that was solved");
    await mirror.git("checkout", "-q", "HEAD~1", "--", "README.md");
    await mirror.git("checkout", "-q", "HEAD", "--", "README.md");
    await mirror.git("checkout", "-q", "main");
    const tree = (await mirror.git("commit-tree", "-p", "HEAD", "-m", "by hand", "HEAD^{tree}")).trim();
    await mirror.git("update-ref", "refs/heads/main", tree);
    await mirror.settled();
    await mirror.git("push", "-q", "origin", "HEAD:refs/heads/main");
    expect(git(origin, ["rev-parse", "main"])).toBe(tree);
    git(origin, ["reset", "-q", "--hard"]);
    git(origin, ["commit", "-q", "--allow-empty", "-m", "on the server"]);
    git(origin, ["rm", "-q", "-r", "src/part-2"]);
    git(origin, ["commit", "-q", "-m", "gone on the server"]);
    await mirror.git("pull", "-q", "--ff-only");
    await mirror.settled();
    await mirror.same("the base has followed");
    await mirror.git("ls-remote", "origin");
    await mirror.git("merge-base", "main", "side");
    await mirror.git("checkout", "-q", "--orphan", "fresh");
    await mirror.git("rm", "-rqf", ".");
    await mirror.sh("echo fresh > fresh; git add fresh; git commit -qm fresh");
    await mirror.settled();
    await mirror.same("a history of its own");
    await mirror.remount();
    await mirror.git("checkout", "-q", "main");
    await mirror.git("fsck", "--connectivity-only", "--no-dangling");
    expect(mirror.mounted.faults).toEqual([]);
  });
});

test("after a commit and a restart status reads no file, though the commit that was mounted is of tomorrow", async () => {
  const origin = makeOrigin();
  const tomorrow = Math.floor(Date.now() / 1000) + 86_400;
  const text = git(origin, ["cat-file", "commit", "main"]).replace(/^(committer .*> )\d+/m, `$1${tomorrow}`);
  git(origin, [
    "update-ref",
    "refs/heads/main",
    git(origin, ["hash-object", "-t", "commit", "-w", "--stdin"], text),
  ]);
  const folders = lab.folders();
  const { directory } = folders;
  const first = await lab.mountRepository(origin, folders);
  const sh = (script: string): Promise<string> => run("sh", ["-ec", script], { cwd: directory });
  expect(Number(await sh("stat -c %Y run.sh"))).toBeLessThan(tomorrow - 86_000);
  await sh(
    "echo more >> README.md; git mv src/part-0 src/renamed; git commit -qam changed; git reset -q --soft HEAD~2",
  );
  const tree = (await sh("git rev-parse 'HEAD^{tree}'")).trim();
  await expect.poll(async () => (await first.mounted.state())?.tree, { timeout: 20_000 }).toBe(tree);
  await first.mounted.unmount();
  // Whatever is read comes into a cache that has nothing yet.
  const cacheFolder = lab.folder();
  const { mounted } = await lab.mountRepository(origin, { ...folders, cacheFolder });
  const cached = (): Promise<string> => run("find", [cacheFolder, "-type", "f", "-size", "+0"]);
  expect(await sh("git -c core.fsmonitor=false status --porcelain | cut -c 1-2 | sort -u")).toBe(
    "A \nM \nR \n",
  );
  expect(await cached()).toBe("");
  expect(await mounted.state()).toMatchObject({ lostBytes: 0 });
  await sh("cat src/part-1/file-1.c");
  await expect.poll(cached).not.toBe("");
});
