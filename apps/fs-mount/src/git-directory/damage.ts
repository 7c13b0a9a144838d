import { createHash } from "node:crypto";
import { readdir, readFile, rename } from "node:fs/promises";
import { basename, dirname, join } from "node:path";
import { hashLength, type ObjectFormat, type Oid } from "@millrace/pack";
import { MountError } from "../errors.ts";
import { borrowFrom } from "./alternates.ts";
import { readPrepared } from "./prepare.ts";
import { type GitRun, runGit } from "./run-git.ts";

/** What is wrong with a git directory. */
export interface Damage {
  /** The index alone, or more than that. */
  readonly of: "index" | "git directory";
  readonly words: string;
}

/** A path that no tree has: git opens the tree, or the index, for it and lists nothing. */
const NO_PATH = ".git/none";

/**
 * Looks whether git can work with what lies at a path: its settings and `HEAD`, the mounted commit and the one that `HEAD` leads to,
 * with their root trees, and the index. `undefined` where it can, and where nothing lies there. Nothing is fetched, and not every
 * object is read.
 * @throws MountError MOUNT_GIT_FAILED where git cannot be run; `signal.reason`
 */
export async function findDamage(
  path: string,
  options: { readonly signal?: AbortSignal | undefined } = {},
): Promise<Damage | undefined> {
  let commit: Oid;
  try {
    const prepared = await readPrepared(path);
    if (prepared === undefined) {
      const isEmpty = (await readdir(path).catch(() => [])).length === 0;
      return isEmpty ? undefined : { of: "git directory", words: `${path}/millrace.json is missing` };
    }
    ({ commit } = prepared);
  } catch (error) {
    return { of: "git directory", words: wordsOfDamage(error) };
  }
  return await findDamageAt(path, commit, options);
}

/**
 * The same of a git directory of which it is known what is mounted of it.
 * @param commit the mounted one; `undefined` where none is yet
 */
export async function findDamageAt(
  path: string,
  commit: Oid | undefined,
  options: Pick<GitRun, "environment" | "signal"> = {},
): Promise<Damage | undefined> {
  const ask = async (...args: string[]): Promise<string> => await runGit({ path, args, ...options });
  try {
    if (commit !== undefined) await ask("ls-tree", commit, "--", NO_PATH);
    // A branch that has no commit yet is no fault.
    const branch = await ask("rev-parse", "--symbolic-full-name", "HEAD").catch(() => undefined);
    const isUnborn =
      branch?.trim() === "HEAD" && (await ask("symbolic-ref", "--quiet", "HEAD").catch(() => ""));
    if (branch === undefined || isUnborn) await ask("symbolic-ref", "HEAD");
    else await ask("ls-tree", "HEAD", "--", NO_PATH);
  } catch (error) {
    return { of: "git directory", words: wordsOfDamage(error) };
  }
  try {
    await ask("ls-files", "--", NO_PATH);
    const file = join(path, "index");
    const format = (await ask("rev-parse", "--show-object-format")).trim() as ObjectFormat;
    if (!(await isWhole(file, format)))
      return { of: "index", words: `${file} does not end with the hash of its content` };
  } catch (error) {
    return { of: "index", words: wordsOfDamage(error) };
  }
  return undefined;
}

/** Whether an index is absent, or ends with the hash of what it has, or with zeros (gitformat-index). git looks at that in `fsck` alone. */
async function isWhole(file: string, format: ObjectFormat): Promise<boolean> {
  let content: Buffer;
  try {
    content = await readFile(file);
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return true;
    throw error;
  }
  const end = content.length - hashLength(format);
  if (end <= 0) return false;
  const trailer = content.subarray(end);
  if (trailer.every((byte) => byte === 0)) return true;
  return createHash(format).update(content.subarray(0, end)).digest().equals(trailer);
}

function wordsOfDamage(error: unknown): string {
  if (error instanceof MountError) {
    // Where git could not be run at all, it says nothing of what lies there.
    const isGits = error.code === "MOUNT_GIT_FAILED" && error.cause === undefined;
    if (isGits || error.code === "MOUNT_BAD_STATE") return error.message;
  }
  throw error;
}

/**
 * Puts what is damaged aside, under a name with the time: what somebody has committed or staged there is not lost.
 * @returns where it is now
 * @throws errors of `node:fs`
 */
export async function putAside(path: string, { of }: Pick<Damage, "of">): Promise<string> {
  const damaged = of === "index" ? join(path, "index") : path;
  const aside = `${damaged}.damaged-${new Date().toISOString().replaceAll(/[:.]/g, "-")}`;
  await rename(damaged, aside);
  return aside;
}

/**
 * Lets a new git directory read what lies in those that were put aside (gitrepository-layout, "objects/info/alternates"): local
 * changes may stand on commits that were never pushed.
 * @param path where the new one is to be; `draft` is where it is now
 * @throws errors of `node:fs`
 */
export async function borrowFromAside(path: string, draft: string): Promise<void> {
  const folder = dirname(path);
  const aside = (await readdir(folder)).filter((name) => name.startsWith(`${basename(path)}.damaged-`));
  await borrowFrom(
    draft,
    aside.map((name) => join(folder, name, "objects")),
  );
}
