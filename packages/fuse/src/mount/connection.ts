import { readFile, writeFile } from "node:fs/promises";
import { runCommand } from "./run-command.ts";

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

/**
 * Ends a connection whatever is pending: who waits gets ECONNABORTED. The mount itself may stay. An ordinary user can do
 * it only where the control file system is mounted; else the connection ends when its device is closed.
 */
export async function abortConnection(directory: string, connection: number): Promise<void> {
  try {
    await writeFile(`/sys/fs/fuse/connections/${connection}/abort`, "1");
  } catch {
    // The control file system is not mounted everywhere; a forced unmount aborts, too.
    if (process.geteuid?.() === 0) await runCommand("umount", ["-i", "-f", "-l", directory]);
  }
}
