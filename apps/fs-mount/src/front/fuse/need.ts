import { Errno } from "@millrace/fuse";

/** A handler of the file system that another one stands around; ENOSYS where it has none. */
export function need<T>(handler: T | undefined): T {
  if (handler === undefined) throw new Errno("ENOSYS");
  return handler;
}
