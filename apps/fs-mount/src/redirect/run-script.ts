import { spawn } from "node:child_process";
import { MountError } from "../errors.ts";
import { killGroup } from "../kill-group.ts";

/** How a script ended, and what it said. */
export interface ScriptResult {
  readonly status: number;
  readonly out: string;
  readonly words: string;
}

const MAX_WORDS = 4096;

/**
 * Runs a script of the shell, which is where a mount is touched: this process serves it and must not wait for it. It begins outside, and
 * goes in by itself.
 * @param signal ends it, with all that it has started
 * @throws MountError MOUNT_REDIRECT_FAILED where it cannot be run; `signal.reason`
 */
export async function runScript(
  script: string,
  args: readonly string[],
  signal?: AbortSignal,
): Promise<ScriptResult> {
  signal?.throwIfAborted();
  const child = spawn("sh", ["-c", script, "sh", ...args], {
    cwd: "/",
    env: { PATH: process.env["PATH"], LC_ALL: "C" },
    stdio: ["ignore", "pipe", "pipe"],
    detached: true,
  });
  const stop = (): void => killGroup(child.pid);
  signal?.addEventListener("abort", stop, { once: true });
  const said = { out: "", words: "" };
  for (const [stream, to] of [
    [child.stdout, "out"],
    [child.stderr, "words"],
  ] as const) {
    stream.setEncoding("utf8").on("data", (text: string) => {
      if (said[to].length < MAX_WORDS) said[to] += text;
    });
  }
  try {
    const status = await new Promise<number>((resolve, reject) => {
      child.on("error", (cause) =>
        reject(new MountError("MOUNT_REDIRECT_FAILED", "sh cannot be run", { cause })),
      );
      child.on("close", (code) => resolve(code ?? -1));
    });
    signal?.throwIfAborted();
    const words = said.words
      .trim()
      .slice(0, MAX_WORDS)
      .replace(/\s*\n\s*/g, "; ");
    return { status, out: said.out.trim(), words };
  } finally {
    signal?.removeEventListener("abort", stop);
  }
}
