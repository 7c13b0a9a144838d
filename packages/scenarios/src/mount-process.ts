import { type ChildProcess, spawn } from "node:child_process";
import { existsSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { gitEnvironment } from "./git.ts";
import { printedBy, runProgram } from "./run-program.ts";
import type { Scratch } from "./scratch.ts";

/** The built command line of the mount. */
export const mountCli: string = fileURLToPath(new URL("../../../apps/fs-mount/dist/cli.js", import.meta.url));

/** The program that git runs for remotes in a bucket, as built. */
export const helperProgram: string = fileURLToPath(
  new URL("../../../apps/fs-mount/dist/git-remote-millrace.js", import.meta.url),
);

/** Why nothing can be mounted here, or `undefined` where it can. */
export function whyNoMount(): string | undefined {
  if (!existsSync("/dev/fuse"))
    return "there is no /dev/fuse: NO MOUNT OF A REPOSITORY OVER A TRANSPORT IS TESTED";
  if (process.geteuid?.() !== 0)
    return "these tests mount as root: NO MOUNT OF A REPOSITORY OVER A TRANSPORT IS TESTED";
  return undefined;
}

/** `millrace-mount` in the foreground, in a process of its own. Disposing kills it, and takes away what it leaves. */
export interface MountProcess extends AsyncDisposable {
  readonly directory: string;
  /** What it said when git worked inside. */
  readonly line: string;
  /** Runs a program in the mount; the mount is never touched by this process. Throws with what it said. */
  run(command: string, ...args: readonly string[]): Promise<string>;
  /** Sends SIGINT; resolves with the exit status. */
  stop(): Promise<number | null>;
}

/** Mounts an address on a folder of `scratch`, and waits until git works inside. Mounted twice, it has the same state. */
export async function mountAddress(
  address: string,
  scratch: Scratch,
  env: Readonly<Record<string, string>> = {},
  flags: readonly string[] = [],
): Promise<MountProcess> {
  const directory = join(scratch.path, "mount");
  await mkdir(directory, { recursive: true });
  const folders = ["--state", join(scratch.path, "state"), "--cache-dir", join(scratch.path, "blobs")];
  const environment = { ...gitEnvironment, ...env };
  const child = spawn(process.execPath, [mountCli, ...folders, ...flags, address, directory], {
    stdio: ["ignore", "pipe", "pipe"],
    env: environment,
  });
  const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
  const unmount = async (): Promise<void> => {
    if (child.exitCode === null && child.signalCode === null) child.kill("SIGKILL");
    await ended;
    await runProgram("umount", ["-l", directory]).catch(() => undefined);
  };
  try {
    const line = await firstLine(child);
    return {
      directory,
      line,
      // Another program changes into the mount and begins there.
      run: async (...command) =>
        printedBy(
          command.join(" "),
          await runProgram("env", ["-C", directory, ...command], { env: environment }),
        ),
      async stop() {
        child.kill("SIGINT");
        return ended;
      },
      [Symbol.asyncDispose]: unmount,
    };
  } catch (error) {
    await unmount();
    throw error;
  }
}

function firstLine(child: ChildProcess): Promise<string> {
  return new Promise((resolve, reject) => {
    let said = "";
    child.stderr!.on("data", (chunk: Buffer) => (said += chunk.toString()));
    child.stdout!.once("data", (chunk: Buffer) => resolve(chunk.toString().trimEnd()));
    child.once("close", (status) => reject(new Error(`the mount ended with ${status}: ${said}`)));
  });
}
