import { spawn } from "node:child_process";
import { once } from "node:events";
import { constants, setPriority } from "node:os";

/** How long a maintenance that was told to end may take to do so. */
const END_MS = 10_000;

/**
 * Runs `millrace maintain --auto` as a process of its own with low priority, so that requests do not wait for it and its
 * memory goes with it. What it has to tell of faults goes where this process tells them. With `signal` it is told to end.
 */
export async function runMaintain(args: readonly string[], signal: AbortSignal): Promise<void> {
  if (signal.aborted) return;
  const [, cli = ""] = process.argv;
  const child = spawn(process.execPath, [...process.execArgv, cli, "maintain", "--auto", ...args], {
    stdio: ["ignore", "ignore", "inherit"],
  });
  const closed = once(child, "close");
  let timer: NodeJS.Timeout | undefined;
  const end = (): void => {
    child.kill("SIGTERM");
    timer = setTimeout(() => child.kill("SIGKILL"), END_MS);
  };
  signal.addEventListener("abort", end, { once: true });
  try {
    if (child.pid !== undefined) lowerPriority(child.pid);
    await closed;
  } finally {
    clearTimeout(timer);
    signal.removeEventListener("abort", end);
  }
}

function lowerPriority(pid: number): void {
  try {
    setPriority(pid, constants.priority.PRIORITY_LOW);
  } catch {
    // It has ended already, or may not be asked.
  }
}
