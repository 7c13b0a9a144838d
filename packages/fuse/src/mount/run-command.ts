import { spawn } from "node:child_process";
import { FuseError } from "../errors.ts";

/** How long `mount`, `umount` and `fusermount3` may take, in milliseconds. */
export const COMMAND_MS = 20_000;
/** Of what a command says, this much is kept. */
const MAX_WORDS = 4096;

/** How a command ended, and what it said. */
export interface CommandResult {
  readonly status: number;
  readonly out: string;
  readonly words: string;
}

/**
 * Runs a command, with `fd` as its descriptor 3.
 * @throws FuseError FUSE_MOUNT_FAILED where it cannot be run at all
 */
export async function runCommand(
  command: string,
  args: readonly string[],
  fd?: number,
): Promise<CommandResult> {
  return await new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      stdio: ["ignore", "pipe", "pipe", ...(fd === undefined ? [] : [fd])],
      timeout: COMMAND_MS,
      killSignal: "SIGKILL",
    });
    const said = { out: "", words: "" };
    child.stdout?.setEncoding("utf8").on("data", (text: string) => {
      if (said.out.length < MAX_WORDS) said.out += text;
    });
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      if (said.words.length < MAX_WORDS) said.words += text;
    });
    child.on("error", (error) =>
      reject(new FuseError("FUSE_MOUNT_FAILED", `${command} cannot be run`, error)),
    );
    child.on("close", (status) =>
      resolve({ status: status ?? -1, out: said.out.trim(), words: said.words.trim() }),
    );
  });
}

/** The error of an unmount that was refused. */
export function refusedUnmount(command: string, { status, words }: CommandResult): FuseError {
  return new FuseError(
    /busy/i.test(words) ? "FUSE_BUSY" : "FUSE_MOUNT_FAILED",
    `${command}: ${words || `status ${status}`}`,
  );
}
