import type { MessagePort } from "node:worker_threads";
import { z } from "zod";

/** Options of `mount`. */
export interface MountOptions {
  /** An existing directory. */
  readonly directory: string;
  /** A module that exports `createFileSystem(data, notifier, port?)`; it is loaded in the thread that serves the mount. */
  readonly module: URL;
  /**
   * What `createFileSystem` is called with: anything that can be posted to a thread, or a promise of it. The thread is started and
   * the module loaded meanwhile; nothing is mounted before it is there, and where it rejects nothing is.
   */
  readonly data?: unknown;
  /**
   * Is given one end of a channel to the file system, when `data` is there; `createFileSystem` is called with the other one. The
   * ends are closed when the mount ends.
   */
  readonly connect?: ((port: MessagePort) => void) | undefined;
  /** What the mount is called in /proc/mounts. Default `millrace`. */
  readonly name?: string | undefined;
  /** Other users may use the mount, too; ordinary users may ask for it where /etc/fuse.conf says `user_allow_other`. Default false. */
  readonly allowOther?: boolean | undefined;
  /** The kernel checks permissions by mode, owner and group, and asks `access` nothing. Default true. */
  readonly defaultPermissions?: boolean | undefined;
  /** No writes. Default false. */
  readonly readOnly?: boolean | undefined;
  /** Device nodes and set-user-id bits count for something; for root only. Default false. */
  readonly trusted?: boolean | undefined;
  /**
   * `fusermount3` stays and takes the mount away when this process ends, be it killed. Ordinary users need `allowOther` for it.
   * Default false.
   */
  readonly autoUnmount?: boolean | undefined;
  /** Bytes of the longest write: whole pages, 4 KiB to 1 MiB. Default 1 MiB. */
  readonly maxWriteBytes?: number | undefined;
  /** Requests that the kernel lets run in the background, such as read-ahead. Default 64. */
  readonly maxBackground?: number | undefined;
  /** Requests that may wait for their handlers before no more are read from the kernel. Default 1024. */
  readonly maxPending?: number | undefined;
  /**
   * Ends the mount, as `abort` does, when a request has waited for its answer this long, or the serving thread does nothing any more, in milliseconds,
   * 100 and more. Default: never, since a file system may have its reasons.
   */
  readonly hungAfterMs?: number | undefined;
  /** Read the device on a thread that blocks, and not through the event loop. Default: only where it must be. */
  readonly blockingReads?: boolean | undefined;
}
export const MountOptions: z.ZodType<MountOptions> = z.object({
  directory: z.string().min(1),
  module: z.instanceof(URL),
  data: z.unknown().optional(),
  connect: z.custom<(port: MessagePort) => void>((value) => typeof value === "function").optional(),
  // A comma would be another mount option, a space another field of /proc/mounts.
  name: z
    .string()
    .regex(/^[\w.:@/-]{1,128}$/)
    .optional(),
  allowOther: z.boolean().optional(),
  defaultPermissions: z.boolean().optional(),
  readOnly: z.boolean().optional(),
  trusted: z.boolean().optional(),
  autoUnmount: z.boolean().optional(),
  maxWriteBytes: z.number().int().min(4096).max(1_048_576).multipleOf(4096).optional(),
  maxBackground: z.number().int().min(1).max(65_535).optional(),
  maxPending: z.number().int().min(1).max(65_536).optional(),
  hungAfterMs: z.number().int().min(100).max(86_400_000).optional(),
  blockingReads: z.boolean().optional(),
});
