/**
 * The thread that writes notifications. The kernel may let such a write wait for a READ that is pending on the same node,
 * so it must be no thread that answers, and none of libuv's pool, which a few such writes would fill.
 */
import { writeSync } from "node:fs";
import { type MessagePort, parentPort, workerData } from "node:worker_threads";
import { encodeNotification } from "../protocol/notify.ts";
import { Gate } from "../session/gate.ts";
import type { FromNotify, ToNotify } from "./messages.ts";

const { gate: words } = workerData as { gate: Int32Array<SharedArrayBuffer> };
const gate = new Gate(words);
let fd = -1;

/** @returns the code of what went wrong */
function notify({ notification }: ToNotify): string | undefined {
  try {
    return gate.pass(() => writeSync(fd, encodeNotification(notification))) === undefined
      ? "ENODEV"
      : undefined;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code ?? "EIO";
  }
}

parentPort?.on("message", (message: { fd: number } | { port: MessagePort }) => {
  if ("fd" in message) {
    fd = message.fd;
    return;
  }
  const { port } = message;
  port.on("message", (asked: ToNotify) => {
    const told: FromNotify = { id: asked.id, code: fd < 0 ? "ENODEV" : notify(asked) };
    port.postMessage(told);
  });
});
