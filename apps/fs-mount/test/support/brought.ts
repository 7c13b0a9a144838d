import { existsSync, readdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import type { Lab } from "./lab.ts";
import { git } from "./repository.ts";

/** A git directory that somebody brings: a clone that git has made. @returns its path */
export function cloneOf(lab: Lab, origin: string, ...options: readonly string[]): string {
  const path = join(lab.folder(), "brought.git");
  git("/", ["clone", "-q", ...options, `file://${origin}`, path]);
  return path;
}

/** What a mount gives back. */
export interface GivenBack {
  /** Settings, to the byte. */
  readonly config: string;
  /** Where else its objects are. */
  readonly alternates: string | undefined;
  /** Which files are there beside objects, refs and their logs. */
  readonly names: readonly string[];
}

/** What a mount gives back, as it is now. */
export function stateOf(path: string): GivenBack {
  const names = readdirSync(path, { recursive: true, encoding: "utf8" })
    .filter((name) => !/^(?:objects|refs|logs)\/|^(?:logs|index|FETCH_HEAD|COMMIT_EDITMSG)$/.test(name))
    .sort();
  const alternates = join(path, "objects/info/alternates");
  return {
    config: readFileSync(join(path, "config"), "utf8"),
    alternates: existsSync(alternates) ? readFileSync(alternates, "utf8") : undefined,
    names,
  };
}

/** Adds a commit with one file to a repository that has a working tree. @returns its id */
export function commitFile(repository: string, name: string, content: string): string {
  writeFileSync(join(repository, name), content);
  git(repository, ["add", name]);
  git(repository, ["commit", "-q", "-m", `${name} is ${content}`]);
  return git(repository, ["rev-parse", "HEAD"]);
}
