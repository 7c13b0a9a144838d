import { access, constants, realpath } from "node:fs/promises";
import { setTimeout } from "node:timers/promises";
import { MessageChannel, Worker } from "node:worker_threads";
import { closeSync } from "node:fs";
import { FuseError } from "../errors.ts";
import type { Notification } from "../protocol/notify.ts";
import { MountOptions } from "../schema.ts";
import { Gate } from "../session/gate.ts";
import { NOTIFY_WORKER, READ_WORKER, SERVE_WORKER } from "../worker-files.ts";
import { abortConnection, attach, connectionOf, detach } from "./commands.ts";
import type { FromServer, ServeData, ToServer } from "./messages.ts";
import { createNotifier } from "./notifier.ts";

/** How long the kernel's first message may take, in milliseconds. */
const INIT_MS = 20_000;

/** How long a file system may take for its `destroy` when its mount is aborted, in milliseconds. */
const GRACE_MS = 5000;

/** A mounted file system. Never use it synchronously from the thread that serves it. */
export interface Mount extends AsyncDisposable {
  /** Where, without symbolic links. */
  readonly directory: string;
  /** The connection's number under /sys/fs/fuse/connections. */
  readonly connection: number;
  /** The minor version of the protocol that was agreed on. */
  readonly minor: number;
  /** Resolves when the mount has ended, whoever ended it; rejects with FUSE_WORKER_FAILED where the serving thread died. */
  readonly ended: Promise<void>;
  /** Tells the kernel of a change; see `Notifier.notify`. */
  notify(notification: Notification): Promise<boolean>;
  /**
   * Unmounts, and resolves when the file system's `destroy` has run. With `lazy` the name is free at once, and who uses the
   * mount may go on; it resolves when the last one has left.
   * @throws FuseError FUSE_BUSY (the mount stays), FUSE_MOUNT_FAILED
   */
  unmount(options?: { readonly lazy?: boolean | undefined }): Promise<void>;
  /** Ends the mount at once, whatever hangs: pending and further requests fail with ECONNABORTED or ENOTCONN. Does not throw where it has ended already. */
  abort(): Promise<void>;
}

/**
 * Mounts a file system, which runs in a thread of its own, and resolves when the kernel has greeted it. Needs root.
 * A process that is killed leaves a mount that answers ENOTCONN: `umount` it.
 * @throws FuseError FUSE_UNAVAILABLE, FUSE_MOUNT_FAILED, FUSE_WORKER_FAILED, FUSE_UNSUPPORTED_KERNEL; a ZodError for malformed options
 */
export async function mount(options: MountOptions): Promise<Mount> {
  const asked = MountOptions.parse(options);
  await probe();
  let directory: string;
  try {
    directory = await realpath(asked.directory);
  } catch (error) {
    throw new FuseError("FUSE_MOUNT_FAILED", `${asked.directory} cannot be mounted on`, error);
  }
  try {
    return await start(asked, directory, asked.blockingReads ?? false);
  } catch (error) {
    if (error !== UNPOLLABLE) throw error;
    return await start(asked, directory, true);
  }
}

/** Thrown inside where this Node cannot poll the device. */
const UNPOLLABLE = new Error("The device cannot be polled");

async function probe(): Promise<void> {
  try {
    await access("/dev/fuse", constants.R_OK | constants.W_OK);
  } catch (error) {
    throw new FuseError("FUSE_UNAVAILABLE", "/dev/fuse is missing or may not be opened", error);
  }
  if (process.geteuid?.() !== 0) throw new FuseError("FUSE_UNAVAILABLE", "Only root may mount");
}

async function start(asked: MountOptions, directory: string, blocking: boolean): Promise<Mount> {
  const gate = new Gate();
  const notifying = new Worker(NOTIFY_WORKER, { workerData: { gate: gate.words } });
  notifying.unref();
  const ours = new MessageChannel();
  const theirs = new MessageChannel();
  notifying.postMessage({ port: ours.port2 }, [ours.port2]);
  notifying.postMessage({ port: theirs.port2 }, [theirs.port2]);
  const notifier = createNotifier(ours.port1);
  const channel = asked.connect === undefined ? undefined : new MessageChannel();
  const serveData: ServeData = {
    module: asked.module.href,
    data: asked.data,
    maxWriteBytes: asked.maxWriteBytes ?? 1_048_576,
    maxBackground: asked.maxBackground ?? 64,
    maxPending: asked.maxPending ?? 1024,
    blocking,
    readWorker: READ_WORKER.href,
    gate: gate.words,
    notifyPort: theirs.port1,
    port: channel?.port2,
  };
  const server = new Worker(SERVE_WORKER, {
    workerData: serveData,
    transferList: channel === undefined ? [theirs.port1] : [theirs.port1, channel.port2],
    // The descriptor is closed by the reader that has wrapped it, and where nothing has, here.
    trackUnmanagedFds: false,
  });

  if (channel !== undefined) asked.connect?.(channel.port1);

  let mounted = false;
  let unmounting = false;
  let descriptor: number | undefined;
  let failure: unknown;
  const ended = (async () => {
    await new Promise<void>((resolve) => {
      server.on("error", (error) => {
        failure = error;
      });
      server.on("exit", () => resolve());
    });
    gate.shut();
    notifier.close();
    channel?.port1.close();
    if (blocking && descriptor !== undefined) closeSync(descriptor);
    await notifying.terminate();
    // A dead connection answers ENOTCONN for ever: take it away.
    if (mounted && !unmounting) await detach(directory, true).catch(() => undefined);
    if (failure !== undefined) {
      // An error that comes from a thread has lost its class.
      const unsupported = (failure as { code?: unknown }).code === "FUSE_UNSUPPORTED_KERNEL";
      const code = unsupported ? "FUSE_UNSUPPORTED_KERNEL" : "FUSE_WORKER_FAILED";
      throw new FuseError(code, `The serving thread has failed: ${(failure as Error).message}`, failure);
    }
  })();
  ended.catch(() => undefined);
  const stopped = ended.then(() => {
    throw new FuseError("FUSE_ENDED", "The mount has ended before it began");
  });
  stopped.catch(() => undefined);

  const heard = async (kind: FromServer["kind"]): Promise<FromServer> =>
    await new Promise((resolve) => {
      const listen = (message: FromServer): void => {
        if (message.kind !== kind && (message.kind !== "unpollable" || kind !== "opened")) return;
        server.off("message", listen);
        resolve(message);
      };
      server.on("message", listen);
    });
  const post = (message: ToServer): void => server.postMessage(message, []);

  const terminate = async (): Promise<void> => {
    const connection = mounted ? await connectionOf(directory) : undefined;
    if (connection !== undefined) {
      // A thread that is stuck in the kernel is freed by this only. One that is not ends in order: its file system may be writing.
      await abortConnection(directory, connection);
      const patience = new AbortController();
      await Promise.race([
        ended.catch(() => undefined),
        setTimeout(GRACE_MS, undefined, { signal: patience.signal }).catch(() => undefined),
      ]);
      patience.abort();
    }
    await server.terminate();
    await ended.catch(() => undefined);
  };

  // A thread that dies waits for the one that reads for it, which only the connection's end frees.
  void heard("failed").then(async (told) => {
    if (told.kind === "failed") failure ??= Object.assign(new Error(told.message), { code: told.code });
    await terminate();
  });

  try {
    const opened = await Promise.race([heard("opened"), stopped]);
    if (!("fd" in opened))
      throw new FuseError("FUSE_WORKER_FAILED", "The serving thread has not opened the device");
    if (opened.kind === "unpollable") {
      await server.terminate();
      closeSync(opened.fd);
      throw UNPOLLABLE;
    }
    descriptor = opened.fd;
    notifying.postMessage({ fd: descriptor }, []);
    await attach(directory, descriptor, asked.name ?? "millrace", flagsOf(asked));
    mounted = true;
    const ready = heard("ready");
    post({ kind: "mounted" });
    const late = AbortSignal.timeout(INIT_MS);
    const greeted = await Promise.race([
      ready,
      stopped,
      new Promise<never>((_, reject) => {
        late.addEventListener("abort", () =>
          reject(new FuseError("FUSE_MOUNT_FAILED", "The kernel does not answer")),
        );
      }),
    ]);
    const connection = await connectionOf(directory);
    if (greeted.kind !== "ready" || connection === undefined) {
      throw new FuseError("FUSE_MOUNT_FAILED", "The mount is not in the list of mounts");
    }
    const unmount: Mount["unmount"] = async ({ lazy = false } = {}) => {
      unmounting = true;
      try {
        await detach(directory, lazy);
      } catch (error) {
        unmounting = false;
        throw error;
      }
      await ended;
    };
    const abort: Mount["abort"] = async () => {
      await terminate();
    };
    return {
      directory,
      connection,
      minor: greeted.minor,
      ended,
      notify: async (notification) => await notifier.notify(notification),
      unmount,
      abort,
      async [Symbol.asyncDispose]() {
        if (gate.isShut) return;
        await unmount().catch(abort);
      },
    };
  } catch (error) {
    await terminate();
    throw error;
  }
}

function flagsOf(asked: MountOptions): string[] {
  return [
    asked.trusted === true ? [] : ["nosuid", "nodev"],
    asked.readOnly === true ? ["ro"] : [],
    asked.allowOther === true ? ["allow_other"] : [],
    asked.defaultPermissions === false ? [] : ["default_permissions"],
  ].flat();
}
