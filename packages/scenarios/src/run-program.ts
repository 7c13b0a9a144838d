import { spawn } from "node:child_process";
import { constants } from "node:os";

/** What a program left behind. */
export interface ProgramResult {
  /** Its exit status; as shells have it, 128 and the number of the signal that ended it. */
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

export interface ProgramOptions {
  readonly cwd?: string | undefined;
  /** The whole environment; by default this process's own. */
  readonly env?: NodeJS.ProcessEnv | undefined;
  /** What it reads; by default nothing. */
  readonly input?: string | Uint8Array | undefined;
}

/** Runs a program and collects what it says, whatever its exit status. Rejects where it cannot be started. */
export function runProgram(
  command: string,
  args: readonly string[],
  { cwd, env, input }: ProgramOptions = {},
): Promise<ProgramResult> {
  return new Promise((resolve, reject) => {
    const child = spawn(command, args, { cwd, env, stdio: ["pipe", "pipe", "pipe"] });
    const stdout: Buffer[] = [];
    const stderr: Buffer[] = [];
    child.stdout.on("data", (chunk: Buffer) => stdout.push(chunk));
    child.stderr.on("data", (chunk: Buffer) => stderr.push(chunk));
    child.once("error", reject);
    child.once("close", (code, signal) => {
      resolve({
        status: code ?? 128 + constants.signals[signal!],
        stdout: Buffer.concat(stdout).toString(),
        stderr: Buffer.concat(stderr).toString(),
      });
    });
    // A program may end before it has read all of it.
    child.stdin.on("error", () => {});
    child.stdin.end(input);
  });
}

/** What a program printed, without the last line feed. Throws with all that it said where it failed. */
export function printedBy(line: string, { status, stdout, stderr }: ProgramResult): string {
  if (status !== 0) throw new Error(`${line} exited with ${status}\n${stderr}${stdout}`);
  return stdout.replace(/\n$/, "");
}
