import { mkdir, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { git, runGit, temporaryDirectory } from "./git.ts";

/** A bare repository with a few commits on two branches and an annotated tag, and the work tree it came from. */
export interface SampleRepository {
  readonly root: string;
  readonly bare: string;
  readonly work: string;
  /** Commits of `main`, oldest first. */
  readonly commits: readonly string[];
  /** A bare repository without any ref. */
  readonly empty: string;
  remove(): Promise<void>;
}

export async function createSampleRepository(
  objectFormat: "sha1" | "sha256" = "sha1",
): Promise<SampleRepository> {
  const directory = await temporaryDirectory();
  const root = directory.path;
  const work = join(root, "work");
  const bare = join(root, "bare.git");
  const empty = join(root, "empty.git");
  await mkdir(work);
  git(work, "init", "-q", "-b", "main", `--object-format=${objectFormat}`);
  const commits: string[] = [];
  for (let number = 1; number <= 4; number++) {
    await writeFile(join(work, `file-${number}.txt`), `line ${number}\n`.repeat(50 * number));
    git(work, "add", ".");
    git(work, "commit", "-q", "-m", `commit ${number}`);
    commits.push(git(work, "rev-parse", "HEAD"));
  }
  git(work, "branch", "topic", commits[1] ?? "");
  git(work, "tag", "-a", "-m", "tag", "v1", commits[2] ?? "");
  git(root, "clone", "-q", "--bare", work, bare);
  git(root, "init", "-q", "--bare", "-b", "main", `--object-format=${objectFormat}`, empty);
  return { root, bare, work, commits, empty, remove: () => directory.remove() };
}

/** A pack of what `to` has and `from` has not. */
export function packBetween(directory: string, from: readonly string[], to: readonly string[]): Buffer {
  const revisions = [...to, "--not", ...from, ""].join("\n");
  const result = runGit(directory, ["pack-objects", "--revs", "--stdout", "--thin", "-q"], revisions);
  if (result.status !== 0) throw new Error(result.stderr);
  return result.stdout;
}

/** A pack of no objects. */
export function emptyPack(directory: string): Buffer {
  return runGit(directory, ["pack-objects", "--stdout", "-q"]).stdout;
}

/** A history with a merge, a commit every 100 seconds, and a bare repository that has only its last part. */
export interface ForkedRepository {
  readonly root: string;
  readonly bare: string;
  readonly work: string;
  /** A bare clone of depth 2. */
  readonly shallow: string;
  /** `m1` to `m4` before the fork, `t1` to `t3` beside, `m5` the merge, `m6` on top. */
  readonly commits: Readonly<Record<string, string>>;
  remove(): Promise<void>;
}

export async function createForkedRepository(): Promise<ForkedRepository> {
  const directory = await temporaryDirectory();
  const root = directory.path;
  const work = join(root, "work");
  const bare = join(root, "bare.git");
  const shallow = join(root, "shallow.git");
  await mkdir(join(work, "deep", "deeper"), { recursive: true });
  git(work, "init", "-q", "-b", "main");
  const commits: Record<string, string> = {};
  let clock = 1_700_000_000;
  const commit = async (name: string, merge = false): Promise<void> => {
    clock += 100;
    const environment = { GIT_AUTHOR_DATE: `${clock} +0000`, GIT_COMMITTER_DATE: `${clock} +0000` };
    if (!merge) {
      await writeFile(join(work, `${name}.txt`), `${name}\n`.repeat(40));
      await writeFile(join(work, "deep", "deeper", `${name}.txt`), `${name} below\n`);
      git(work, "add", ".");
    }
    const args = merge ? ["merge", "-q", "--no-ff", "-m", name, "topic"] : ["commit", "-q", "-m", name];
    const result = runGit(work, args, "", environment);
    if (result.status !== 0) throw new Error(result.stderr);
    commits[name] = git(work, "rev-parse", "HEAD");
  };
  for (const name of ["m1", "m2"]) await commit(name);
  git(work, "checkout", "-q", "-b", "topic");
  for (const name of ["t1", "t2", "t3"]) await commit(name);
  git(work, "checkout", "-q", "main");
  for (const name of ["m3", "m4"]) await commit(name);
  await commit("m5", true);
  await commit("m6");
  git(work, "tag", "-a", "-m", "tag", "v1", commits["m4"] ?? "");
  git(work, "branch", "both/main", commits["m2"] ?? "");
  git(work, "tag", "topic-base", commits["m2"] ?? "");
  git(root, "clone", "-q", "--bare", work, bare);
  git(root, "clone", "-q", "--bare", "--depth=2", `file://${bare}`, shallow);
  return { root, bare, work, shallow, commits, remove: () => directory.remove() };
}
