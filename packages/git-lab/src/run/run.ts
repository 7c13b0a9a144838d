import { BlockingShell } from "./blocking-shell.ts";
import type { Run, RunOptions } from "./run-files.ts";
import { WaitingShell } from "./waiting-shell.ts";

/*
 * A process that forks has its page tables copied and takes a fault for each page that it touches behind that: 20 to
 * 35 ms for the hundreds of megabytes of one that runs tests, where git itself needs 3. So a small shell forks instead.
 * It reads what to run from a pipe and says how each ended; what programs read and say goes through files.
 */
let blocking: BlockingShell | undefined;
let waiting: WaitingShell | undefined;

/** Runs a program and waits for its end, blocking. Throws where it cannot be started. */
export function runSync(command: string, args: readonly string[], options: RunOptions = {}): Run {
  blocking ??= new BlockingShell();
  return blocking.run(command, args, options);
}

/** Runs a program. Rejects where it cannot be started. */
export async function run(command: string, args: readonly string[], options: RunOptions = {}): Promise<Run> {
  waiting ??= new WaitingShell();
  return waiting.run(command, args, options);
}
