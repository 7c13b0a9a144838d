import { readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Lab } from "./lab.ts";
import { git } from "./repository.ts";

/** A git directory that somebody brings: a clone that git has made. @returns its path */
export function cloneOf(lab: Lab, origin: string, ...options: readonly string[]): string {
  const path = join(lab.folder(), "brought.git");
  git("/", ["clone", "-q", ...options, `file://${origin}`, path]);
  return path;
}

/** What a mount gives back: settings to the byte, and which files are there beside objects, refs and their logs. */
export function stateOf(path: string): { readonly config: string; readonly names: readonly string[] } {
  const names = readdirSync(path, { recursive: true, encoding: "utf8" })
    .filter((name) => !/^(?:objects|refs|logs)\/|^(?:logs|index|FETCH_HEAD|COMMIT_EDITMSG)$/.test(name))
    .sort();
  return { config: readFileSync(join(path, "config"), "utf8"), names };
}

/** Adds a commit with one file to a repository that has a working tree. @returns its id */
export function commitFile(repository: string, name: string, content: string): string {
  writeFileSync(join(repository, name), content);
  git(repository, ["add", name]);
  git(repository, ["commit", "-q", "-m", `${name} is ${content}`]);
  return git(repository, ["rev-parse", "HEAD"]);
}
