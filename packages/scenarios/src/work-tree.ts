import { writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { ObjectFormat } from "@millrace/pack";
import { git, tryGit } from "./git.ts";
import type { ProgramResult } from "./run-program.ts";

/** A repository with a working tree in which a scenario makes commits. */
export interface WorkTree {
  readonly path: string;
  git(...args: readonly string[]): Promise<string>;
  tryGit(...args: readonly string[]): Promise<ProgramResult>;
  /** Writes files and commits them; returns the commit. */
  commit(message: string, files: Readonly<Record<string, string>>): Promise<string>;
}

/** Wraps an existing clone, or with `init` makes an empty repository of that object format. */
export async function openWorkTree(
  path: string,
  env: Readonly<Record<string, string>> = {},
  init: ObjectFormat | false = false,
): Promise<WorkTree> {
  if (init !== false) await git(["init", "--quiet", `--object-format=${init}`, path]);
  const options = { cwd: path, env };
  return {
    path,
    git: (...args) => git(args, options),
    tryGit: (...args) => tryGit(args, options),
    async commit(message, files) {
      for (const [name, content] of Object.entries(files)) {
        await writeFile(join(path, name), content);
        await git(["add", "--", name], options);
      }
      await git(["commit", "--quiet", "--allow-empty", "--message", message], options);
      return git(["rev-parse", "HEAD"], options);
    },
  };
}
