import { spawn } from "node:child_process";

/** How a run of git ended. */
export interface GitRun {
  /** `undefined`: git is not installed. */
  readonly status: number | undefined;
  readonly stdout: string;
  /** What it said to the user: both streams, in no order between them. */
  readonly said: string;
}

export interface GitRunOptions {
  readonly cwd: string;
  readonly env: NodeJS.ProcessEnv;
}

/** What a broken working tree can make git say; more is cut off. */
const MAX_CHARS = 16 * 1024;

/** Runs the installed git to its end, however long that takes: cut short it would leave half of its work. */
export function runGit(args: readonly string[], { cwd, env }: GitRunOptions): Promise<GitRun> {
  return new Promise((resolve, reject) => {
    const child = spawn("git", args, { cwd, env, stdio: ["ignore", "pipe", "pipe"] });
    let stdout = "";
    let stderr = "";
    const keep = (kept: string, text: string): string => (kept + text).slice(0, MAX_CHARS);
    child.stdout.setEncoding("utf8").on("data", (text: string) => {
      stdout = keep(stdout, text);
    });
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      stderr = keep(stderr, text);
    });
    child.once("error", (error: NodeJS.ErrnoException) => {
      if (error.code === "ENOENT") resolve({ status: undefined, stdout: "", said: "" });
      else reject(error);
    });
    child.once("close", (status) => resolve({ status: status ?? -1, stdout, said: stderr + stdout }));
  });
}
