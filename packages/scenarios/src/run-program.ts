import { run, type RunOptions } from "@millrace/git-lab";

/** What a program left behind. */
export interface ProgramResult {
  /** Its exit status; as shells have it, 128 and the number of the signal that ended it. */
  readonly status: number;
  readonly stdout: string;
  readonly stderr: string;
}

/** Runs a program and collects what it says, whatever its exit status. Rejects where it cannot be started. */
export async function runProgram(
  command: string,
  args: readonly string[],
  options: RunOptions = {},
): Promise<ProgramResult> {
  const { status, stdout, stderr } = await run(command, args, options);
  return { status, stdout: stdout.toString(), stderr: stderr.toString() };
}

/** What a program printed, without the last line feed. Throws with all that it said where it failed. */
export function printedBy(line: string, { status, stdout, stderr }: ProgramResult): string {
  if (status !== 0) throw new Error(`${line} exited with ${status}\n${stderr}${stdout}`);
  return stdout.replace(/\n$/, "");
}
