import type { MessagePort } from "node:worker_threads";
import { FuseError } from "../errors.ts";
import type { Notification } from "../protocol/notify.ts";
import type { FromNotify, ToNotify } from "./messages.ts";

/** Notifications that may wait to be written. */
const MAX_WAITING = 65_536;

/** Tells the kernel what has changed without its doing. */
export interface Notifier {
  /**
   * Sends a notification; they are written one after the other.
   * @returns whether the kernel had anything cached that it meant
   * @throws FuseError FUSE_OVERLOADED where 65,536 wait, FUSE_ENDED without a mount, FUSE_BAD_MESSAGE where the kernel refuses it
   */
  notify(notification: Notification): Promise<boolean>;
  /** Sends no more. What waits ends with FUSE_ENDED. */
  close(): void;
}

/** The notifying side of a port to the notifying thread. */
export function createNotifier(port: MessagePort): Notifier {
  const waiting = new Map<
    number,
    { resolve: (cached: boolean) => void; reject: (error: FuseError) => void }
  >();
  let last = 0;
  let closed = false;
  const ended = (): FuseError => new FuseError("FUSE_ENDED", "The mount has ended");
  const close = (): void => {
    closed = true;
    port.close();
    for (const { reject } of waiting.values()) reject(ended());
    waiting.clear();
  };
  port.on("message", ({ id, code }: FromNotify) => {
    const waiter = waiting.get(id);
    waiting.delete(id);
    if (waiting.size === 0) port.unref();
    if (code === undefined || code === "ENOENT" || code === "ENOTDIR") waiter?.resolve(code === undefined);
    else if (code === "ENODEV" || code === "ECONNABORTED") waiter?.reject(ended());
    else waiter?.reject(new FuseError("FUSE_BAD_MESSAGE", `The kernel refused a notification: ${code}`));
  });
  port.on("close", close);
  port.unref();
  return {
    async notify(notification) {
      if (closed) throw ended();
      if (waiting.size >= MAX_WAITING) {
        throw new FuseError("FUSE_OVERLOADED", `${MAX_WAITING} notifications wait already`);
      }
      return await new Promise<boolean>((resolve, reject) => {
        last++;
        waiting.set(last, { resolve, reject });
        port.ref();
        port.postMessage({ id: last, notification } satisfies ToNotify);
      });
    },
    close,
  };
}
