import { type ChildProcess, spawn } from "node:child_process";
import { readFile, readdir } from "node:fs/promises";
import { createInterface } from "node:readline";
import { serverCli } from "./server-cli.ts";

/** The built server in a process of its own, whose memory can be looked at. */
export interface ServerProcess extends AsyncDisposable {
  readonly url: string;
  /** What it has printed so far. */
  readonly output: readonly string[];
  /** Resident memory now, in bytes (Linux). */
  memoryBytes(): Promise<number>;
  /** The most it ever was. */
  peakMemoryBytes(): Promise<number>;
  /** How many files and sockets it has open (Linux). */
  openFiles(): Promise<number>;
  /** Sends SIGTERM; resolves with the exit status. */
  stop(): Promise<number | null>;
  /** Sends SIGKILL; resolves when it is gone. */
  kill(): Promise<void>;
}

/** Starts `millrace serve` over a folder on a free port; it keeps nothing in the user's caches. */
export function startServerProcess(root: string, ...flags: string[]): Promise<ServerProcess> {
  return startServing(["--root", root, ...flags], {});
}

/** The same over whatever the flags name, with more variables in its environment. */
export async function startServing(
  flags: readonly string[],
  environment: Readonly<Record<string, string>>,
): Promise<ServerProcess> {
  const cache = flags.includes("--cache-dir") ? [] : ["--no-cache-dir"];
  const child = spawn(process.execPath, [serverCli, "serve", "--listen", "127.0.0.1:0", ...cache, ...flags], {
    stdio: ["ignore", "pipe", "inherit"],
    env: { ...process.env, ...environment },
  });
  const output: string[] = [];
  const url = await new Promise<string>((resolve, reject) => {
    createInterface({ input: child.stdout }).on("line", (line) => {
      output.push(line);
      const found = /http:\/\/[^\s/]+/.exec(line)?.[0];
      if (found !== undefined) resolve(found);
    });
    child.once("exit", (status) => reject(new Error(`the server exited with ${status}`)));
  });
  return {
    url,
    output,
    memoryBytes: () => statusField(child, "VmRSS"),
    peakMemoryBytes: () => statusField(child, "VmHWM"),
    openFiles: async () => (await readdir(`/proc/${child.pid}/fd`)).length,
    stop: () => stop(child),
    async kill() {
      await stop(child, "SIGKILL");
    },
    async [Symbol.asyncDispose]() {
      await stop(child);
    },
  };
}

async function statusField(child: ChildProcess, field: string): Promise<number> {
  const status = await readFile(`/proc/${child.pid}/status`, "utf8");
  return Number(new RegExp(`^${field}:\\s+(\\d+) kB`, "m").exec(status)?.[1]) * 1024;
}

function stop(child: ChildProcess, signal: NodeJS.Signals = "SIGTERM"): Promise<number | null> {
  if (child.exitCode !== null || child.signalCode !== null) return Promise.resolve(child.exitCode);
  return new Promise((resolve) => {
    child.once("exit", resolve);
    child.kill(signal);
  });
}
