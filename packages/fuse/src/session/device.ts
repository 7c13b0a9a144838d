import { readSync } from "node:fs";
import { Socket } from "node:net";
import { FuseError } from "../errors.ts";

/** Messages of /dev/fuse as they come: one to a call, in memory that is used again when the call returns. */
export interface DeviceReader {
  /** Begins, once the device belongs to a mount. */
  start(): void;
  /** Stops asking for messages: the kernel keeps them, and who sent them waits. */
  pause(): void;
  resume(): void;
  /** Ends with the mount; rejects where the device fails or `onMessage` throws. */
  readonly ended: Promise<void>;
}

type PipeHandle = { open(fd: number): number | undefined; close(done?: () => void): void };

/**
 * Reads the device through the event loop's own poll, which takes a descriptor that is wrapped as a pipe.
 * @param fd owned by the reader from now on, which makes its reads wait for nothing (O_NONBLOCK)
 * @param beforeClose called just before the descriptor becomes free for others
 * @throws FuseError FUSE_WORKER_FAILED where it cannot be wrapped; it is the caller's then
 */
export function openPolled(
  fd: number,
  bufferBytes: number,
  onMessage: (message: Uint8Array) => void,
  beforeClose: () => void,
): DeviceReader {
  const Pipe = pipeClass();
  const handle = Pipe === undefined ? undefined : new Pipe(0);
  const failed = handle === undefined ? -1 : handle.open(fd);
  if (handle === undefined || (failed !== undefined && failed !== 0)) {
    throw new FuseError("FUSE_WORKER_FAILED", "The device cannot be polled");
  }
  const close = handle.close.bind(handle);
  handle.close = (done) => {
    beforeClose();
    close(done);
  };
  const { promise: ended, resolve, reject } = withResolvers();
  let socket: Socket | undefined;
  const start = (): void => {
    const opened = new Socket({
      handle,
      onread: {
        buffer: Buffer.allocUnsafeSlow(bufferBytes),
        callback: (count: number, bytes: Uint8Array) => {
          try {
            onMessage(bytes.subarray(0, count));
          } catch (error) {
            opened.destroy(error as Error);
          }
          return true;
        },
      },
    } as unknown as ConstructorParameters<typeof Socket>[0]);
    opened.on("error", (error: NodeJS.ErrnoException) => {
      // ENODEV: unmounted. ECONNABORTED: the connection was aborted.
      if (error.code === "ENODEV" || error.code === "ECONNABORTED") resolve();
      else reject(error);
    });
    opened.on("close", resolve);
    opened.read(0);
    socket = opened;
  };
  return {
    start,
    pause: () => void socket?.pause(),
    resume: () => void socket?.resume(),
    ended,
  };
}

/** Whether this Node can poll the device; where it cannot, it is read on a thread. */
export function canPoll(): boolean {
  return pipeClass() !== undefined;
}

/**
 * `net.Socket` refuses the descriptor of a character device, but takes one wrapped as a pipe; the class for that is only to
 * be had from a socket that has begun to connect to a path.
 */
function pipeClass(): (new (type: number) => PipeHandle) | undefined {
  const probe = new Socket();
  probe.on("error", () => undefined);
  probe.connect({ path: "/dev/null" });
  const made = (probe as unknown as { _handle?: { constructor: new (type: number) => PipeHandle } | null })
    ._handle;
  probe.destroy();
  return made?.constructor;
}

/**
 * Reads a device that was opened without O_NONBLOCK, and blocks the calling thread until the mount ends: for a thread
 * that does nothing else.
 */
export function readBlocking(
  fd: number,
  bufferBytes: number,
  onMessage: (message: Uint8Array) => void,
): void {
  const buffer = Buffer.allocUnsafeSlow(bufferBytes);
  for (;;) {
    let count: number;
    try {
      count = readSync(fd, buffer);
    } catch (error) {
      const { code } = error as NodeJS.ErrnoException;
      if (code === "ENODEV" || code === "ECONNABORTED") return;
      if (code === "EINTR" || code === "ENOENT" || code === "EAGAIN") continue;
      throw new FuseError("FUSE_WORKER_FAILED", "The device cannot be read", error);
    }
    if (count === 0) return;
    onMessage(buffer.subarray(0, count));
  }
}

/** `Promise.withResolvers`, which Node 20 lacks. */
function withResolvers(): { promise: Promise<void>; resolve: () => void; reject: (error: unknown) => void } {
  let resolve!: () => void;
  let reject!: (error: unknown) => void;
  const promise = new Promise<void>((yes, no) => {
    resolve = yes;
    reject = no;
  });
  return { promise, resolve, reject };
}
