import { closeSync, constants, openSync } from "node:fs";
import { FuseError } from "../errors.ts";
import { type Attachment, type AttachOptions, commonOptions } from "./attachment.ts";
import { refusedUnmount, runCommand } from "./run-command.ts";

const { O_RDWR, O_NONBLOCK } = constants;

/**
 * Mounts as root, by `mount`: nothing native is needed.
 * @throws FuseError FUSE_UNAVAILABLE, FUSE_NOT_PERMITTED (a container without CAP_SYS_ADMIN), FUSE_MOUNT_FAILED
 */
export async function attachAsRoot(asked: AttachOptions): Promise<Attachment> {
  const { directory } = asked;
  let fd: number;
  try {
    fd = openSync("/dev/fuse", O_RDWR | (asked.blocking ? 0 : O_NONBLOCK));
  } catch (error) {
    throw new FuseError("FUSE_UNAVAILABLE", "/dev/fuse is missing or may not be opened", error);
  }
  try {
    // No helper (-i): there is none for a descriptor that is open already. The root's real mode comes with its attributes.
    const options = ["fd=3", "rootmode=40000", "user_id=0", "group_id=0", ...commonOptions(asked)].join(",");
    const { status, words } = await runCommand(
      "mount",
      ["-i", "-t", "fuse", "-o", options, asked.name, directory],
      fd,
    );
    if (status !== 0) {
      throw new FuseError(
        /permission denied|not permitted|superuser/i.test(words) ? "FUSE_NOT_PERMITTED" : "FUSE_MOUNT_FAILED",
        `mount: ${words || `status ${status}`}`,
      );
    }
  } catch (error) {
    closeSync(fd);
    throw error;
  }
  return { fd, detach: async (lazy) => await detachAsRoot(directory, lazy), close: () => undefined };
}

/** @throws FuseError FUSE_BUSY, FUSE_MOUNT_FAILED */
export async function detachAsRoot(directory: string, lazy: boolean): Promise<void> {
  const result = await runCommand("umount", ["-i", ...(lazy ? ["-l"] : []), directory]);
  if (result.status !== 0) throw refusedUnmount("umount", result);
}
