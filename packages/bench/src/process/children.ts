import { type ChildProcess, type SpawnOptions, spawn } from "node:child_process";

const running = new Set<ChildProcess>();

/** Starts a process in a group of its own, so that it and its children can be ended together. */
export function start(command: string, args: readonly string[], options: SpawnOptions): ChildProcess {
  const child = spawn(command, args, { ...options, detached: true });
  running.add(child);
  const forget = (): boolean => running.delete(child);
  child.once("close", forget).once("error", forget);
  return child;
}

/** Ends a process and its children at once. */
export function kill(child: ChildProcess): void {
  if (child.pid === undefined) return;
  try {
    process.kill(-child.pid, "SIGKILL");
  } catch {
    // It has ended meanwhile.
  }
}

/** Ends every process that was started here. */
export function killAll(): void {
  for (const child of running) kill(child);
}
