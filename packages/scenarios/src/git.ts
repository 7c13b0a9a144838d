import { spawn } from "node:child_process";

/** What a git process left behind. */
export interface GitResult {
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface GitOptions {
  readonly cwd?: string | undefined;
  readonly env?: Readonly<Record<string, string>> | undefined;
  readonly input?: string | Uint8Array | undefined;
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
export function tryGit(args: readonly string[], options: GitOptions = {}): Promise<GitResult> {
  return new Promise((resolve, reject) => {
    const child = spawn("git", ["-c", "init.defaultBranch=main", "-c", "gc.auto=0", ...args], {
      cwd: options.cwd,
      env: { ...gitEnvironment, ...options.env },
      stdio: ["pipe", "pipe", "pipe"],
    });
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    child.stdout.on("data", (chunk: Buffer) => stdout.push(chunk));
    child.stderr.on("data", (chunk: Buffer) => stderr.push(chunk));
    child.once("error", reject);
    child.once("close", (code, signal) => {
      resolve({
        status: code ?? 128 + (signal === null ? 0 : 15),
        stdout: Buffer.concat(stdout).toString(),
        stderr: Buffer.concat(stderr).toString(),
      });
    });
    child.stdin.on("error", () => {});
    child.stdin.end(options.input);
  });
}

/** Runs the real git and returns its output without the last line feed. Throws where it fails. */
export async function git(args: readonly string[], options: GitOptions = {}): Promise<string> {
  const { status, stdout, stderr } = await tryGit(args, options);
  if (status !== 0) throw new Error(`git ${args.join(" ")} exited with ${status}\n${stderr}${stdout}`);
  return stdout.replace(/\n$/, "");
}
