import { runSync } from "@millrace/git-lab";
import { gitEnvironment } from "./git.ts";

/** What a git service answered, byte by byte. */
export interface ServiceResult {
  readonly stdout: Buffer;
  readonly stderr: string;
  readonly status: number;
}

/** Runs the real git on bytes, blocking; for services whose answers are no text. */
export function runGit(
  directory: string,
  args: readonly string[],
  input: Uint8Array = Buffer.alloc(0),
  env: Readonly<Record<string, string>> = {},
): ServiceResult {
  const { stdout, stderr, status } = runSync("git", args, {
    cwd: directory,
    input,
    env: { ...gitEnvironment, ...env },
  });
  return { stdout, stderr: stderr.toString(), status };
}
