/** The thread that serves one mount: it loads the file system's module, takes the device over and answers the kernel. */
import { once } from "node:events";
import { writeSync, writevSync } from "node:fs";
import { MessageChannel, type MessagePort, parentPort, Worker, workerData } from "node:worker_threads";
import type { FileSystem } from "../file-system.ts";
import { createBackingFiles } from "../native/backing-files.ts";
import { loadLibc } from "../native/libc.ts";
import { type DeviceReader, openPolled } from "../session/device.ts";
import { Gate } from "../session/gate.ts";
import { Meter } from "../session/meter.ts";
import { Session } from "../session/session.ts";
import { createNotifier, type Notifier } from "./notifier.ts";
import type { FromServer, ServeData, ToServer } from "./messages.ts";

const port = parentPort as MessagePort;
const data = workerData as ServeData;
const gate = new Gate(data.gate);
const say = (message: FromServer): void => port.postMessage(message);

/** A message is one write or request with its headers. */
const bufferBytes = data.maxWriteBytes + 4096;
let closed = false;

const shut = (): void => {
  closed = true;
  gate.shut();
};

function write(fd: number, parts: readonly Uint8Array[]): boolean {
  if (closed) return false;
  try {
    if (parts.length === 1) writeSync(fd, parts[0] ?? new Uint8Array());
    else writevSync(fd, [...parts]);
    return true;
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    // The request or the mount is gone; EINVAL: the answer was not one to this request, which has got EIO.
    if (code === "ENOENT" || code === "ENODEV" || code === "ECONNABORTED" || code === "EINVAL") return false;
    throw error;
  }
}

/** Reads on a thread of its own; at most `maxPending` messages are between it and us. */
function openThreaded(
  fd: number,
  onMessage: (message: Uint8Array) => void,
): DeviceReader & { answered(): void } {
  const inFlight = new Int32Array(new SharedArrayBuffer(4));
  const { port1, port2 } = new MessageChannel();
  let finish!: () => void;
  let fail!: (error: unknown) => void;
  const ended = new Promise<void>((resolve, reject) => {
    finish = resolve;
    fail = reject;
  });
  return {
    start() {
      const reader = new Worker(new URL(data.readWorker), {
        workerData: { fd, bufferBytes, inFlight, maxPending: data.maxPending, port: port2 },
        transferList: [port2],
      });
      port1.on("message", (message: Uint8Array) => {
        try {
          onMessage(message);
        } catch (error) {
          fail(error);
        }
      });
      reader.on("error", fail);
      reader.on("exit", () => {
        shut();
        port1.close();
        finish();
      });
    },
    pause: () => undefined,
    resume: () => undefined,
    answered() {
      Atomics.sub(inFlight, 0, 1);
      Atomics.notify(inFlight, 0);
    },
    ended,
  };
}

async function main(): Promise<void> {
  const told = once(port, "message") as Promise<[ToServer & { kind: "data" }]>;
  const module = (await import(data.module)) as {
    createFileSystem(
      data: unknown,
      notifier: Notifier,
      port: MessagePort | undefined,
    ): FileSystem | Promise<FileSystem>;
  };
  const notifier = createNotifier(data.notifyPort);
  const [given] = await told;
  const fileSystem = await module.createFileSystem(given.data, notifier, data.port);
  let answered = (): void => undefined;
  let paused = false;

  // Without koffi, or the right, all is as ever but slower.
  const libc = fileSystem.passthrough === true ? await loadLibc().catch(() => undefined) : undefined;
  say({ kind: "loaded" });
  const [{ fd }] = (await once(port, "message")) as [ToServer & { kind: "mounted" }];
  const session = new Session({
    fileSystem,
    write: (parts) => write(fd, parts),
    maxWriteBytes: data.maxWriteBytes,
    maxBackground: data.maxBackground,
    meter: new Meter(data.meter),
    backingFiles: libc === undefined ? undefined : createBackingFiles(libc, fd),
    onReady: ({ minor, passthrough }) => say({ kind: "ready", minor, passthrough }),
  });
  const failed = (error: unknown): void => {
    throw error;
  };
  const onMessage = (message: Uint8Array): void => {
    const later = session.push(message);
    if (later === undefined) {
      answered();
      return;
    }
    void later.then(() => {
      answered();
      if (!paused || session.pending >= data.maxPending) return;
      paused = false;
      reader.resume();
    }, failed);
    if (session.pending >= data.maxPending && !paused) {
      paused = true;
      reader.pause();
    }
  };
  let reader: DeviceReader;
  if (data.blocking) {
    const threaded = openThreaded(fd, onMessage);
    answered = threaded.answered;
    reader = threaded;
  } else {
    reader = openPolled(fd, bufferBytes, onMessage, shut);
    Atomics.store(data.taken, 0, 1);
  }
  port.on("message", ({ kind }: ToServer) => {
    if (kind === "step") say({ kind: "stepped", steps: session.step() });
  });
  reader.start();
  try {
    await reader.ended;
  } finally {
    session.end();
    await fileSystem.destroy?.();
    notifier.close();
    data.port?.close();
    port.close();
  }
}

process.on("uncaughtExceptionMonitor", ({ message, code }: Error & { code?: unknown }) =>
  say({ kind: "failed", message, code: String(code) }),
);
await main();
