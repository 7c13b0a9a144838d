import { spawn } from "node:child_process";
import { readFile, writeFile } from "node:fs/promises";
import { FuseError } from "../errors.ts";

/** How long `mount` and `umount` may take, in milliseconds. */
const COMMAND_MS = 20_000;

/** Runs a command with `fd` as its descriptor 3. @returns its exit status and what it said */
async function run(
  command: string,
  args: readonly string[],
  fd?: number,
): Promise<{ status: number; words: string }> {
  return await new Promise((resolve, reject) => {
    const child = spawn(command, args, {
      stdio: ["ignore", "ignore", "pipe", ...(fd === undefined ? [] : [fd])],
      timeout: COMMAND_MS,
      killSignal: "SIGKILL",
    });
    let words = "";
    child.stderr?.setEncoding("utf8").on("data", (text: string) => {
      if (words.length < 4096) words += text;
    });
    child.on("error", (error) =>
      reject(new FuseError("FUSE_MOUNT_FAILED", `${command} cannot be run`, error)),
    );
    child.on("close", (status) => resolve({ status: status ?? -1, words: words.trim() }));
  });
}

/** Attaches an open device to a directory. @throws FuseError FUSE_MOUNT_FAILED */
export async function attach(
  directory: string,
  fd: number,
  name: string,
  flags: readonly string[],
): Promise<void> {
  // No helper (-i): there is none for a descriptor that is open already. The root's real mode comes with its attributes.
  const options = ["fd=3", "rootmode=40000", "user_id=0", "group_id=0", ...flags].join(",");
  const { status, words } = await run("mount", ["-i", "-t", "fuse", "-o", options, name, directory], fd);
  if (status !== 0) throw new FuseError("FUSE_MOUNT_FAILED", `mount: ${words || `status ${status}`}`);
}

/**
 * Takes a mount away; with `lazy` at once for those that come, and wholly when the last user leaves.
 * @throws FuseError FUSE_BUSY, FUSE_MOUNT_FAILED
 */
export async function detach(directory: string, lazy: boolean): Promise<void> {
  const { status, words } = await run("umount", ["-i", ...(lazy ? ["-l"] : []), directory]);
  if (status === 0) return;
  throw new FuseError(
    /busy/.test(words) ? "FUSE_BUSY" : "FUSE_MOUNT_FAILED",
    `umount: ${words || `status ${status}`}`,
  );
}

/**
 * The connection's number under /sys/fs/fuse/connections, from the list of mounts: asking the mount itself might hang.
 * @param directory without symbolic links
 */
export async function connectionOf(directory: string): Promise<number | undefined> {
  let found: number | undefined;
  for (const line of (await readFile("/proc/self/mountinfo", "utf8")).split("\n")) {
    const [, , device, , path] = line.split(" ");
    const plain = path?.replace(/\\([0-7]{3})/g, (_, digits: string) =>
      String.fromCharCode(parseInt(digits, 8)),
    );
    if (plain !== undefined && Buffer.from(plain, "latin1").toString() === directory)
      found = Number(device?.split(":")[1]);
  }
  return found;
}

/** Ends a connection whatever is pending: who waits gets ECONNABORTED. The mount itself may stay. */
export async function abortConnection(directory: string, connection: number): Promise<void> {
  try {
    await writeFile(`/sys/fs/fuse/connections/${connection}/abort`, "1");
  } catch {
    // The control file system is not mounted everywhere; a forced unmount aborts, too.
    await run("umount", ["-i", "-f", "-l", directory]);
  }
}
