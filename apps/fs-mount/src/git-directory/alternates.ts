import { mkdir, readFile, rename, rm, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { PROMISED_FOLDER } from "../promised-folder.ts";

/**
 * Lets a git directory read what lies in other object directories, too (gitrepository-layout, "objects/info/alternates").
 * Throws errors of `node:fs`.
 */
export async function borrowFrom(gitDirectory: string, directories: readonly string[]): Promise<void> {
  const lines = await readLines(gitDirectory);
  const more = directories.map(lineOf).filter((line) => !lines.includes(line));
  if (more.length > 0) await writeLines(gitDirectory, [...lines, ...more]);
}

/** The folder in which a mount has its promised objects. */
export function promisedFolder(directory: string): string {
  return join(directory, PROMISED_FOLDER);
}

/**
 * Lets a git directory read nothing more out of a mount, wherever that is or was: what lies in another directory stays.
 * Throws errors of `node:fs`.
 */
export async function borrowFromNoMount(gitDirectory: string): Promise<void> {
  const lines = await readLines(gitDirectory);
  const kept = lines.filter((line) => !line.replace(/"$/, "").endsWith(`/${PROMISED_FOLDER}`));
  if (kept.length < lines.length) await writeLines(gitDirectory, kept);
}

function fileOf(gitDirectory: string): string {
  return join(gitDirectory, "objects", "info", "alternates");
}

async function readLines(gitDirectory: string): Promise<string[]> {
  try {
    return (await readFile(fileOf(gitDirectory), "utf8")).split("\n").filter((line) => line !== "");
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code === "ENOENT") return [];
    throw error;
  }
}

/** Whoever reads it sees the old lines or the new ones. */
async function writeLines(gitDirectory: string, lines: readonly string[]): Promise<void> {
  const file = fileOf(gitDirectory);
  if (lines.length === 0) {
    await rm(file, { force: true });
    return;
  }
  await mkdir(join(gitDirectory, "objects", "info"), { recursive: true });
  await writeFile(`${file}.millrace`, lines.map((line) => `${line}\n`).join(""));
  await rename(`${file}.millrace`, file);
}

/** In quotes only where it has to be: a local clone takes what is quoted for a relative path. */
function lineOf(path: string): string {
  return /["\n\\]/.test(path) ? JSON.stringify(path) : path;
}
