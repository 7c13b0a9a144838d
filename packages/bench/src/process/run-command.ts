import { open } from "node:fs/promises";
import { setTimeout as delay } from "node:timers/promises";
import { start } from "./children.ts";
import { peakBytes, processorTime } from "./proc.ts";

const PEAK_INTERVAL_MS = 10;

/** What one command took. */
export interface CommandRun {
  readonly wallSeconds: number;
  /** User and system time of the command and its children, in steps of 10 ms. */
  readonly cpuSeconds: number;
  /** The most memory the command itself had resident, children not counted. */
  readonly peakBytes: number;
  readonly stdout: string;
}

export interface CommandOptions {
  readonly cwd?: string | undefined;
  readonly env?: Readonly<Record<string, string | undefined>> | undefined;
  /** A file to be its standard input. */
  readonly stdin?: string | undefined;
  /** Throw its output away, without a reader. Default `false`. */
  readonly discard?: boolean | undefined;
}

/** Runs a command to its end and measures it. Throws, with what it said, where it fails. Only one may run at a time. */
export async function runCommand(
  command: string,
  args: readonly string[],
  options: CommandOptions = {},
): Promise<CommandRun> {
  const input = options.stdin === undefined ? undefined : await open(options.stdin);
  const cpuBefore = (await processorTime("self")).children;
  const startedAt = performance.now();
  const child = start(command, args, {
    cwd: options.cwd,
    env: options.env,
    stdio: [input?.fd ?? "ignore", options.discard === true ? "ignore" : "pipe", "pipe"],
  });
  const stdout = collect(child.stdout);
  const stderr = collect(child.stderr);
  let endedAt: number | undefined;
  const ended = new Promise<number>((resolve, reject) => {
    child.once("error", reject);
    child.once("exit", () => (endedAt = performance.now()));
    child.once("close", (code, signal) => resolve(code ?? (signal === null ? 1 : 128)));
  });
  // A process's memory can be read only while it lives; its own high-water mark makes few looks enough.
  let peak = 0;
  const watch = (async () => {
    while (endedAt === undefined && child.pid !== undefined) {
      peak = Math.max(peak, (await peakBytes(child.pid)) ?? 0);
      await delay(PEAK_INTERVAL_MS);
    }
  })();
  const status = await ended.finally(() => input?.close());
  await watch;
  const said = Buffer.concat(stdout).toString();
  if (status !== 0) {
    throw new Error(
      `${command} ${args.join(" ")} exited with ${status}\n${String(Buffer.concat(stderr))}${said}`,
    );
  }
  return {
    wallSeconds: ((endedAt ?? performance.now()) - startedAt) / 1000,
    cpuSeconds: (await processorTime("self")).children - cpuBefore,
    peakBytes: peak,
    stdout: said,
  };
}

function collect(stream: NodeJS.ReadableStream | null): Buffer[] {
  const chunks: Buffer[] = [];
  stream?.on("data", (chunk: Buffer) => chunks.push(chunk));
  return chunks;
}
