import { access, constants, realpath } from "node:fs/promises";
import { setTimeout } from "node:timers/promises";
import { MessageChannel, Worker } from "node:worker_threads";
import { closeSync } from "node:fs";
import { span } from "@millrace/telemetry";
import { FuseError } from "../errors.ts";
import type { Notification } from "../protocol/notify.ts";
import { MountOptions } from "../schema.ts";
import { Meter } from "../session/meter.ts";
import { canPoll } from "../session/device.ts";
import { Gate } from "../session/gate.ts";
import { NOTIFY_WORKER, READ_WORKER, SERVE_WORKER } from "../worker-files.ts";
import type { Attachment, AttachOptions } from "./attachment.ts";
import { abortConnection, connectionOf } from "./connection.ts";
import { attachByHelper } from "./helper-mount.ts";
import type { FromServer, ServeData, ToServer } from "./messages.ts";
import { createNotifier } from "./notifier.ts";
import { attachAsRoot } from "./root-mount.ts";
import { tellRequests } from "./tell-requests.ts";
import { type Watch, watchAnswers } from "./watch.ts";

/** How long the kernel's first message may take, in milliseconds. */
const INIT_MS = 20_000;

/** How long a file system may take for its `destroy` when its mount is aborted, in milliseconds. */
const GRACE_MS = 5000;
/** Of the serving thread, for what lives no longer than a request: more of it is hardly faster. */
const YOUNG_MIB = 12;

/** A mounted file system. Never use it synchronously from the thread that serves it. */
export interface Mount extends AsyncDisposable {
  /** Where, without symbolic links. */
  readonly directory: string;
  /** The connection's number under /sys/fs/fuse/connections. */
  readonly connection: number;
  /** The minor version of the protocol that was agreed on. */
  readonly minor: number;
  /** Whether opens lead to native files where the file system tells of them: it wants to, and kernel, rights and koffi are there. */
  readonly passthrough: boolean;
  /** Resolves when the mount has ended, whoever ended it; rejects with FUSE_WORKER_FAILED where the serving thread died, with FUSE_HUNG where `hungAfterMs` ended it. */
  readonly ended: Promise<void>;
  /** Tells the kernel of a change; see `Notifier.notify`. */
  notify(notification: Notification): Promise<boolean>;
  /**
   * Unmounts, and resolves when the file system's `destroy` has run. With `lazy` the name is free at once, and who uses the
   * mount may go on; it resolves when the last one has left.
   * @throws FuseError FUSE_BUSY (the mount stays), FUSE_MOUNT_FAILED
   */
  unmount(options?: { readonly lazy?: boolean | undefined }): Promise<void>;
  /** Ends the mount at once, whatever hangs: pending and further requests fail with ECONNABORTED or ENOTCONN. The file system's `destroy` has five seconds. Does not throw where it has ended already. */
  abort(): Promise<void>;
}

/**
 * Mounts a file system, which runs in a thread of its own, and resolves when the kernel has greeted it. Root mounts by
 * `mount`; anybody else by `fusermount3`, which lets them mount on directories that they may write to.
 * A process that is killed leaves a mount that answers ENOTCONN, but for `autoUnmount`: see `removeStaleMount`.
 * @throws FuseError FUSE_UNAVAILABLE, FUSE_NOT_PERMITTED, FUSE_HELPER_UNUSABLE, FUSE_NATIVE_MISSING, FUSE_MOUNT_FAILED,
 * FUSE_WORKER_FAILED, FUSE_UNSUPPORTED_KERNEL; a ZodError for malformed options; what `data` rejects with
 */
export async function mount(options: MountOptions): Promise<Mount> {
  const asked = MountOptions.parse(options);
  // It may reject before anybody waits for it.
  if (asked.data instanceof Promise) asked.data.catch(() => undefined);
  await probe(asked);
  let directory: string;
  try {
    directory = await realpath(asked.directory);
  } catch (error) {
    throw new FuseError("FUSE_MOUNT_FAILED", `${asked.directory} cannot be mounted on`, error);
  }
  return await span("fuse.mount", { directory }, async (running) => {
    const mounted = await start(asked, directory);
    running.set("minor", mounted.minor);
    running.set("passthrough", mounted.passthrough);
    return mounted;
  });
}

async function probe(asked: MountOptions): Promise<void> {
  const root = isRoot();
  try {
    // Whether the device may be opened is the helper's question where it mounts.
    await access("/dev/fuse", root ? constants.R_OK | constants.W_OK : constants.F_OK);
  } catch (error) {
    throw new FuseError("FUSE_UNAVAILABLE", "/dev/fuse is missing or may not be opened", error);
  }
  if (root) return;
  if (asked.trusted === true) {
    throw new FuseError("FUSE_NOT_PERMITTED", "Only root may mount with device nodes and set-user-id bits");
  }
  if (asked.autoUnmount === true && asked.allowOther !== true) {
    // The helper looks into a mount before it takes it away, and is root by then.
    throw new FuseError("FUSE_NOT_PERMITTED", "Without allowOther only root may have autoUnmount");
  }
}

function isRoot(): boolean {
  return process.geteuid?.() === 0;
}

async function start(asked: MountOptions, directory: string): Promise<Mount> {
  const gate = new Gate();
  const meter = new Meter();
  const taken = new Int32Array(new SharedArrayBuffer(4));
  const notifying = new Worker(NOTIFY_WORKER, { workerData: { gate: gate.words } });
  notifying.unref();
  const ours = new MessageChannel();
  const theirs = new MessageChannel();
  notifying.postMessage({ port: ours.port2 }, [ours.port2]);
  notifying.postMessage({ port: theirs.port2 }, [theirs.port2]);
  const notifier = createNotifier(ours.port1);
  const channel = asked.connect === undefined ? undefined : new MessageChannel();
  const blocking = asked.blockingReads === true || !canPoll();
  const serveData: ServeData = {
    module: asked.module.href,
    maxWriteBytes: asked.maxWriteBytes ?? 1_048_576,
    maxBackground: asked.maxBackground ?? 64,
    maxPending: asked.maxPending ?? 1024,
    blocking,
    meter: meter.words,
    taken,
    readWorker: READ_WORKER.href,
    gate: gate.words,
    notifyPort: theirs.port1,
    port: channel?.port2,
  };
  const server = new Worker(SERVE_WORKER, {
    workerData: serveData,
    transferList: channel === undefined ? [theirs.port1] : [theirs.port1, channel.port2],
    // The descriptor is closed by the reader that has taken it over, and where none has, here.
    trackUnmanagedFds: false,
    resourceLimits: { maxYoungGenerationSizeMb: YOUNG_MIB },
  });

  let attaching: Promise<Attachment> | undefined;
  /** What it has been attached to; that is waited for where it is under way. */
  const attached = async (): Promise<Attachment | undefined> => await attaching?.catch(() => undefined);
  let unmounting = false;
  let watch: Watch | undefined;
  let told = (): void => undefined;
  let failure: unknown;
  const ended = (async () => {
    await new Promise<void>((resolve) => {
      server.on("error", (error) => {
        failure = error;
      });
      server.on("exit", () => resolve());
    });
    watch?.stop();
    told();
    gate.shut();
    notifier.close();
    channel?.port1.close();
    const attachment = await attached();
    if (attachment !== undefined && Atomics.load(taken, 0) === 0) closeSync(attachment.fd);
    await notifying.terminate();
    // A dead connection answers ENOTCONN for ever: take it away.
    if (!unmounting) await attachment?.detach(true).catch(() => undefined);
    attachment?.close();
    if (failure instanceof FuseError) throw failure;
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
        if (message.kind !== kind) return;
        server.off("message", listen);
        resolve(message);
      };
      server.on("message", listen);
    });
  const post = (message: ToServer): void => server.postMessage(message, []);

  const terminate = async (): Promise<void> => {
    const connection = (await attached()) === undefined ? undefined : await connectionOf(directory);
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
    const loading = heard("loaded");
    const data = await Promise.race([asked.data, stopped]);
    // What was posted before anybody listens waits.
    if (channel !== undefined) asked.connect?.(channel.port1);
    post({ kind: "data", data });
    // Both take a while: whoever uses the directory meanwhile waits until the kernel is answered.
    const how = attachOptions(asked, directory, blocking);
    attaching = isRoot() && !how.autoUnmount ? attachAsRoot(how) : attachByHelper(how);
    const [{ fd, detach }] = await Promise.all([attaching, Promise.race([loading, stopped])]);
    notifying.postMessage({ fd }, []);
    const ready = heard("ready");
    post({ kind: "mounted", fd });
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
    told = tellRequests(meter, directory);
    if (asked.hungAfterMs !== undefined) {
      const hung = (): void => {
        failure ??= new FuseError("FUSE_HUNG", `A request was not answered within ${asked.hungAfterMs} ms`);
        void terminate();
      };
      watch = watchAnswers(asked.hungAfterMs, () => post({ kind: "step" }), hung);
      server.on("message", (message: FromServer) => {
        if (message.kind === "stepped") watch?.heard(message.steps);
      });
    }
    const unmount: Mount["unmount"] = async ({ lazy = false } = {}) =>
      await span("fuse.unmount", { directory, lazy }, async () => {
        unmounting = true;
        try {
          await detach(lazy);
        } catch (error) {
          unmounting = false;
          throw error;
        }
        await ended;
      });
    const abort: Mount["abort"] = async () => {
      await terminate();
    };
    return {
      directory,
      connection,
      minor: greeted.minor,
      passthrough: greeted.passthrough,
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

function attachOptions(asked: MountOptions, directory: string, blocking: boolean): AttachOptions {
  return {
    directory,
    blocking,
    name: asked.name ?? "millrace",
    allowOther: asked.allowOther ?? false,
    defaultPermissions: asked.defaultPermissions ?? true,
    readOnly: asked.readOnly ?? false,
    trusted: asked.trusted ?? false,
    autoUnmount: asked.autoUnmount ?? false,
  };
}
