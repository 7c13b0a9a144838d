import { readFile, readlink, stat } from "node:fs/promises";
import { dirname, join, resolve } from "node:path";
import { StorageError } from "@millrace/storage";
import { ifPresent } from "./files/fault.ts";

/**
 * Where a repository lies (gitrepository-layout). A draft moves when it is published: paths are made from this at
 * the time of use and not kept.
 */
export interface Place {
  /** Holds HEAD and what else belongs to one worktree. */
  gitDir: string;
  /** Holds refs, objects and config; the same as `gitDir` except for linked worktrees. */
  commonDir: string;
}

/** What starts the names of refs that each worktree has for itself (gitrepository-layout, "refs"; git-worktree, "Refs"). */
const PER_WORKTREE: readonly string[] = ["refs/bisect/", "refs/rewritten/", "refs/worktree/"];

/** Whether a ref belongs to one worktree: HEAD, and some kinds below `refs/`. */
export function isPerWorktree(name: string): boolean {
  return !name.startsWith("refs/") || PER_WORKTREE.some((prefix) => name.startsWith(prefix));
}

/** The directory that a ref's path starts from. */
export function refBase({ gitDir, commonDir }: Place, name: string): string {
  return isPerWorktree(name) ? gitDir : commonDir;
}

/** Where a ref lies as a file. */
export function refPath(place: Place, name: string): string {
  return join(refBase(place, name), name);
}

/** The suffixes git tries behind a path that it is asked to serve, in its order (`enter_repo`). */
const SUFFIXES = ["/.git", "", ".git/.git", ".git"] as const;

/** A repository that was found by a path. */
export interface FoundPlace {
  readonly place: Place;
  /** What was put behind the path. */
  readonly suffix: (typeof SUFFIXES)[number];
}

/** The repository that git would serve for this path; `undefined` where there is none. */
export async function findPlace(path: string): Promise<FoundPlace | undefined> {
  for (const suffix of SUFFIXES) {
    const place = await placeAt(path + suffix);
    if (place !== undefined) return { place, suffix };
  }
  return undefined;
}

/** The repository at just this path: its git directory, or a `gitdir:` file that names it. */
export async function placeAt(path: string): Promise<Place | undefined> {
  const stats = await ifPresent(stat(path));
  if (stats === undefined) return undefined;
  const gitDir = stats.isDirectory() ? path : await readGitFile(path, stats.size);
  return gitDir === undefined ? undefined : checkGitDirectory(gitDir);
}

/** As git's `is_git_directory`: HEAD, objects and refs are there. */
async function checkGitDirectory(gitDir: string): Promise<Place | undefined> {
  const head = await ifPresent(readHeadFile(gitDir));
  if (head === undefined) return undefined;
  const common = await ifPresent(readFile(join(gitDir, "commondir"), "utf8"));
  const commonDir = common === undefined ? gitDir : resolve(gitDir, common.trimEnd());
  const parts = await Promise.all(["objects", "refs"].map((name) => ifPresent(stat(join(commonDir, name)))));
  return parts.every((part) => part?.isDirectory() === true) ? { gitDir, commonDir } : undefined;
}

async function readHeadFile(gitDir: string): Promise<string | undefined> {
  const path = join(gitDir, "HEAD");
  const stats = await ifPresent(stat(path));
  // A symbolic link to a branch that has no commit yet dangles.
  if (stats === undefined) return ifPresent(readlink(path));
  if (!stats.isFile()) return undefined;
  const text = await readFile(path, "utf8");
  return /^(?:ref:\s*refs\/|[0-9a-f]{40})/.test(text) ? text : undefined;
}

const GIT_FILE = "gitdir: ";

async function readGitFile(path: string, size: number): Promise<string | undefined> {
  if (size > 1 << 20) return undefined;
  const text = await readFile(path, "utf8");
  return text.startsWith(GIT_FILE)
    ? resolve(dirname(path), text.slice(GIT_FILE.length).trimEnd())
    : undefined;
}

/** The error for a path that holds no repository. */
export function noRepository(key: string): StorageError {
  return new StorageError("STORAGE_NOT_FOUND", `no git repository: ${key}`, { key });
}
