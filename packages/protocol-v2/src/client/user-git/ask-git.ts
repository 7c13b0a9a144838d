import { spawn } from "node:child_process";

/** The environment of a process. */
export type Environment = Readonly<Record<string, string | undefined>>;

/** How git is asked. */
export interface GitQuestion {
  readonly environment: Environment;
  readonly input?: string | undefined;
  /** It may ask the user at the terminal. */
  readonly prompts?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

const MAX_ANSWER_BYTES = 1024 * 1024;

/**
 * What the installed git prints; `undefined` where it fails, or there is none: nobody needs git to be installed. It is asked where
 * the process is, so a repository there has its say, as with `git clone`.
 */
export function askGit(
  args: readonly string[],
  { environment, input = "", prompts = false, signal }: GitQuestion,
): Promise<string | undefined> {
  return new Promise((resolve, reject) => {
    const child = spawn("git", args, {
      env: { ...environment, ...(prompts ? {} : { GIT_TERMINAL_PROMPT: "0" }) },
      stdio: ["pipe", "pipe", prompts ? "inherit" : "ignore"],
      signal,
    });
    const chunks: Buffer[] = [];
    let length = 0;
    child.stdout.on("data", (chunk: Buffer) => {
      length += chunk.length;
      if (length > MAX_ANSWER_BYTES) child.kill();
      else chunks.push(chunk);
    });
    child.on("error", () => (signal?.aborted === true ? reject(signal.reason) : resolve(undefined)));
    child.on("close", (status) => {
      resolve(status === 0 && length <= MAX_ANSWER_BYTES ? Buffer.concat(chunks).toString() : undefined);
    });
    // Whoever does not want to hear it has its reasons.
    child.stdin.on("error", () => undefined);
    child.stdin.end(input);
  });
}
