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
