import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Run, run, runSync } from "@millrace/git-lab";

/** An environment in which git answers the same everywhere. */
export const gitEnvironment: NodeJS.ProcessEnv = {
  PATH: process.env["PATH"],
  HOME: tmpdir(),
  LC_ALL: "C",
  GIT_CONFIG_NOSYSTEM: "1",
  GIT_CONFIG_GLOBAL: "/dev/null",
  GIT_TERMINAL_PROMPT: "0",
  GIT_AUTHOR_NAME: "A U Thor",
  GIT_AUTHOR_EMAIL: "author@example.com",
  GIT_AUTHOR_DATE: "1700000000 +0000",
  GIT_COMMITTER_NAME: "C O Mitter",
  GIT_COMMITTER_EMAIL: "committer@example.com",
  GIT_COMMITTER_DATE: "1700000000 +0000",
};

export interface GitResult {
  readonly stdout: Buffer;
  readonly stderr: string;
  readonly status: number;
}

/** Runs git to its end; the caller looks at the status. */
export function runGit(
  directory: string,
  args: readonly string[],
  input: Uint8Array | string = "",
  environment: NodeJS.ProcessEnv = {},
): GitResult {
  const env = { ...gitEnvironment, ...environment };
  return told(runSync("git", args, { cwd: directory, input, env }));
}

/** Runs git and wants success; answers its output without the last line feed. */
export function git(directory: string, ...args: string[]): string {
  const result = runGit(directory, args);
  if (result.status !== 0) throw new Error(`git ${args.join(" ")}: ${result.stderr}`);
  return result.stdout.toString().replace(/\n$/, "");
}

/** Runs git beside the event loop, which may have to serve it. */
export async function runGitAsync(
  directory: string,
  args: readonly string[],
  environment: NodeJS.ProcessEnv = {},
): Promise<GitResult> {
  const env = { ...gitEnvironment, ...environment };
  return told(await run("git", args, { cwd: directory, env }));
}

function told({ status, stdout, stderr }: Run): GitResult {
  return { status, stdout, stderr: stderr.toString() };
}

/** A directory of its own, removed by `remove`. */
export async function temporaryDirectory(): Promise<{ path: string; remove(): Promise<void> }> {
  const path = await mkdtemp(join(tmpdir(), "millrace-protocol-"));
  return { path, remove: () => rm(path, { recursive: true, force: true }) };
}
