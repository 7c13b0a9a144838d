import { readFile } from "node:fs/promises";
import { git } from "./git.ts";

/** What a fetch has left in a repository, for comparing two of them. */
export interface CloneState {
  /** Refs with their ids. */
  readonly refs: readonly string[];
  /** Every object that is physically there, with its type. */
  readonly objects: readonly string[];
  /** Shallow roots. */
  readonly shallow: readonly string[];
}

/** Reads the state of a clone; nothing is fetched lazily meanwhile. */
export async function readCloneState(path: string): Promise<CloneState> {
  const env = { GIT_NO_LAZY_FETCH: "1" };
  const gitDir = await git(["rev-parse", "--absolute-git-dir"], { cwd: path });
  const refs = await git(["for-each-ref", "--format=%(objectname) %(refname)"], { cwd: path, env });
  const objects = await git(
    ["cat-file", "--batch-all-objects", "--unordered", "--batch-check=%(objectname) %(objecttype)"],
    { cwd: path, env },
  );
  const shallow = await readFile(`${gitDir}/shallow`, "utf8").catch(() => "");
  return { refs: sortedLines(refs), objects: sortedLines(objects), shallow: sortedLines(shallow) };
}

function sortedLines(text: string): string[] {
  return text.split("\n").filter(Boolean).toSorted();
}
