import type { MessagePort } from "node:worker_threads";
import type { Notification } from "../protocol/notify.ts";

/** What the serving thread is started with. */
export interface ServeData {
  readonly module: string;
  readonly maxWriteBytes: number;
  readonly maxBackground: number;
  readonly maxPending: number;
  /** The device is opened for a thread that blocks in reads, and not for the event loop. */
  readonly blocking: boolean;
  readonly readWorker: string;
  readonly gate: Int32Array<SharedArrayBuffer>;
  /** The words of the `Meter`. */
  readonly meter: Int32Array<SharedArrayBuffer>;
  /** 1 once a reader has taken the device over, and will close it. */
  readonly taken: Int32Array<SharedArrayBuffer>;
  readonly notifyPort: MessagePort;
  /** The file system's end of the channel that whoever mounts has asked for. */
  readonly port: MessagePort | undefined;
}

/** What the serving thread tells. */
export type FromServer =
  /** The file system is there, and waits for the device. */
  | { readonly kind: "loaded" }
  /** Something was thrown that nobody has caught: the thread is about to die. */
  | { readonly kind: "failed"; readonly message: string; readonly code: string }
  /** The kernel's first message was answered. */
  | { readonly kind: "ready"; readonly minor: number; readonly passthrough: boolean }
  /** The answer to `step`: how many of them the oldest request has waited for. */
  | { readonly kind: "stepped"; readonly steps: number };

/** What it is told. */
export type ToServer =
  /** What the file system is made with. */
  | { readonly kind: "data"; readonly data: unknown }
  | { readonly kind: "mounted"; readonly fd: number }
  /** A step of time has passed: how old is the oldest request? */
  | { readonly kind: "step" };

/** What the notifying thread is told by those that notify. */
export interface ToNotify {
  readonly id: number;
  readonly notification: Notification;
}

/** How a notification went: `undefined` where it was taken, else the code of the error. */
export interface FromNotify {
  readonly id: number;
  readonly code: string | undefined;
}
