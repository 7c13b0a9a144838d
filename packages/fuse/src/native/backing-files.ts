import { fstatSync } from "node:fs";
import { constants } from "node:os";
import type { BackingFiles } from "../session/passthrough.ts";
import type { Libc } from "./libc.ts";

/** `FUSE_DEV_IOC_BACKING_OPEN` and `FUSE_DEV_IOC_BACKING_CLOSE` of the kernel's `include/uapi/linux/fuse.h`. */
const BACKING_OPEN = 0x4010e501;
const BACKING_CLOSE = 0x4004e502;

/** The list of native files that belongs to a mounted device. */
export function createBackingFiles(libc: Libc, device: number): BackingFiles {
  const open = (fd: number): number => {
    // `fuse_backing_map`: the descriptor, flags and padding, both 0.
    const map = Buffer.alloc(16);
    map.writeInt32LE(fd);
    return libc.ioctl(device, BACKING_OPEN, map);
  };
  return {
    open,
    isAllowed() {
      try {
        open(-1);
      } catch (error) {
        // The right is asked for first: who has it is told that this is no descriptor.
        return (error as { errno?: unknown }).errno === constants.errno.EBADF;
      }
      return false;
    },
    close(id) {
      const number = Buffer.alloc(4);
      number.writeUInt32LE(id);
      try {
        libc.ioctl(device, BACKING_CLOSE, number);
      } catch {
        // The connection has ended, and its list with it.
      }
    },
    identify(fd) {
      const { dev, ino } = fstatSync(fd, { bigint: true });
      return `${dev}:${ino}`;
    },
  };
}
