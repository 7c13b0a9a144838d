import type { RunOptions } from "@millrace/git-lab";
import { printedBy, type ProgramResult, runProgram } from "./run-program.ts";

export interface GitOptions extends RunOptions {
  /** Beside the usual environment. */
  readonly env?: Readonly<Record<string, string>> | undefined;
}

/** An environment in which nothing of the machine's own git configuration counts. */
export const gitEnvironment: Readonly<Record<string, string>> = {
  PATH: process.env.PATH ?? "",
  HOME: "/nonexistent",
  LC_ALL: "C",
  TZ: "UTC",
  GIT_CONFIG_NOSYSTEM: "1",
  GIT_CONFIG_GLOBAL: "/dev/null",
  GIT_TERMINAL_PROMPT: "0",
  // No samples of hooks in every repository.
  GIT_TEMPLATE_DIR: "",
  GIT_AUTHOR_NAME: "A U Thor",
  GIT_AUTHOR_EMAIL: "author@example.com",
  GIT_COMMITTER_NAME: "C O Mitter",
  GIT_COMMITTER_EMAIL: "committer@example.com",
};

/** Runs the real git and collects what it says, whatever its exit status. */
export function tryGit(args: readonly string[], options: GitOptions = {}): Promise<ProgramResult> {
  return runProgram("git", ["-c", "init.defaultBranch=main", "-c", "gc.auto=0", ...args], {
    ...options,
    env: { ...gitEnvironment, ...options.env },
  });
}

/** Runs the real git and returns its output without the last line feed. Throws where it fails. */
export async function git(args: readonly string[], options: GitOptions = {}): Promise<string> {
  return printedBy(`git ${args.join(" ")}`, await tryGit(args, options));
}
