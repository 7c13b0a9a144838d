import { spawn } from "node:child_process";
import { dirname } from "node:path";
import { MountError } from "../errors.ts";
import { killGroup } from "../kill-group.ts";

/** How git is run on a git directory. */
export interface GitRun {
  /** The git directory. It stands for the working tree, too: the mount is not looked at. */
  readonly path: string;
  readonly args: readonly string[];
  readonly input?: string | undefined;
  /** Variables beside the usual ones, which they overrule. */
  readonly environment?: Readonly<Record<string, string>> | undefined;
  /** git is to judge for itself whether the path is a git directory, and whose: else it is told so. Default false. */
  readonly discovers?: boolean | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What a program may say before it is ended. */
const MAX_OUTPUT_BYTES = 16 * 1024 * 1024;

/** Variables that would have git work on something else. */
const ELSEWHERE = [
  "GIT_ALTERNATE_OBJECT_DIRECTORIES",
  "GIT_COMMON_DIR",
  "GIT_GRAFT_FILE",
  "GIT_INDEX_FILE",
  "GIT_NAMESPACE",
  "GIT_OBJECT_DIRECTORY",
  "GIT_PREFIX",
  "GIT_SHALLOW_FILE",
];

/**
 * Runs the installed git on the git directory of a mount, from this process: it asks nobody for passwords, runs no hooks, takes no
 * lock that it does not need, and never touches the mount, which may wait for this process. What the user has configured counts,
 * a credential helper say.
 * @returns its output
 * @throws MountError MOUNT_GIT_FAILED with its words; `signal.reason`, which ends it
 */
export async function runGit({ path, args, input, signal, ...how }: GitRun): Promise<string> {
  signal?.throwIfAborted();
  const settings = ["core.fsmonitor=false", "core.hooksPath=/dev/null"].flatMap((each) => ["-c", each]);
  const child = spawn("git", [...settings, ...args], {
    cwd: path,
    env: environmentFor(path, how),
    stdio: ["pipe", "pipe", "pipe"],
    // A session of its own: what git has started for the network ends with it, and would else hold its pipes; and without a terminal
    // ssh has nobody to ask, however the user has git call it.
    detached: true,
  });
  const stop = (): void => killGroup(child.pid);
  signal?.addEventListener("abort", stop, { once: true });
  let [out, err, isTooLong] = ["", "", false];
  child.stdout.setEncoding("utf8").on("data", (text: string) => {
    out += text;
    isTooLong ||= out.length > MAX_OUTPUT_BYTES;
    if (isTooLong) stop();
  });
  child.stderr.setEncoding("utf8").on("data", (text: string) => {
    if (err.length < 4096) err += text;
  });
  // It need not read what it is given.
  child.stdin.on("error", () => undefined);
  child.stdin.end(input ?? "");
  try {
    const status = await new Promise<number | null>((resolve, reject) => {
      child.on("error", (cause) =>
        reject(new MountError("MOUNT_GIT_FAILED", "git cannot be run", { cause })),
      );
      child.on("close", resolve);
    });
    signal?.throwIfAborted();
    if (status === 0) return out;
    const words = isTooLong ? "it says too much" : err.trim() || `status ${status}`;
    throw new MountError("MOUNT_GIT_FAILED", `git ${args[0]}: ${words.replace(/\s*\n\s*/g, "; ")}`);
  } finally {
    signal?.removeEventListener("abort", stop);
  }
}

function environmentFor(
  path: string,
  { environment: given, discovers = false }: Pick<GitRun, "environment" | "discovers">,
): NodeJS.ProcessEnv {
  const environment: NodeJS.ProcessEnv = {
    ...process.env,
    LC_ALL: "C",
    GIT_DIR: path,
    GIT_WORK_TREE: path,
    GIT_OPTIONAL_LOCKS: "0",
    GIT_NO_LAZY_FETCH: "1",
    GIT_TERMINAL_PROMPT: "0",
    SSH_ASKPASS_REQUIRE: "never",
  };
  for (const each of ELSEWHERE) delete environment[each];
  if (discovers) {
    delete environment["GIT_DIR"];
    // What lies above is another repository.
    environment["GIT_CEILING_DIRECTORIES"] = dirname(path);
  }
  return { ...environment, ...given };
}
