import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { chmod, chown, lstat, mkdir } from "node:fs/promises";
import { dirname, join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { promisify } from "node:util";
import { MountError } from "../errors.ts";
import type { Owner } from "../owner.ts";
import { type ControlClient, connectControl } from "./control-client.ts";
import type { ControlAnswers, ControlRequest } from "./protocol.ts";
import { chooseSocketPath } from "./socket-path.ts";

/** Where the daemon of an owner belongs, and how it is started. */
export interface OwnerDaemonOptions {
  /** Of the daemon that it works for. */
  readonly stateFolder: string;
  readonly cacheBytes?: number | undefined;
  readonly retryMs: number;
  readonly log: (text: string) => void;
}

const START_MS = 30_000;
const STEP_MS = 50;
const runFile = promisify(execFile);

/**
 * The daemon of another user's mounts, a process under their id: what it reads, writes and runs, git with their settings above all, is
 * what they may. It mounts by `fusermount3`, which sees to it that nobody else gets in and that no set-user-id bit and no device counts.
 * It is started with the first request, again with the next one after its end, and ends with this process.
 */
export class OwnerDaemon {
  readonly #owner: Owner;
  readonly #options: OwnerDaemonOptions;
  readonly #folder: string;
  #child: ChildProcess | undefined;
  #starting: Promise<string> | undefined;
  #isEnding = false;

  constructor(owner: Owner, options: OwnerDaemonOptions) {
    this.#owner = owner;
    this.#options = options;
    this.#folder = join(options.stateFolder, "owners", `${owner.uid}-${owner.gid}`);
  }

  /**
   * Has the daemon do something. The signal leaves.
   * @throws DaemonRefusal; MountError MOUNT_OWNER_REFUSED, MOUNT_NO_DAEMON
   */
  async ask<Request extends ControlRequest>(
    request: Request,
    signal?: AbortSignal,
  ): Promise<ControlAnswers[Request["command"]]> {
    using client = await this.#connect(await this.start());
    const leave = (): void => client[Symbol.dispose]();
    signal?.addEventListener("abort", leave, { once: true });
    try {
      return (await client.ask(request)) as ControlAnswers[Request["command"]];
    } finally {
      signal?.removeEventListener("abort", leave);
    }
  }

  /** Has it run. @returns where it listens */
  async start(): Promise<string> {
    this.#starting ??= this.#start().catch((error: unknown) => {
      this.#starting = undefined;
      throw error;
    });
    return await this.#starting;
  }

  /** Takes its mounts away and ends it, as `Daemon.end`. */
  async end(isHurried: AbortSignal): Promise<void> {
    this.#isEnding = true;
    await this.#starting?.catch(() => undefined);
    const child = this.#child;
    if (child === undefined || child.exitCode !== null || child.signalCode !== null) return;
    const gone = once(child, "exit");
    child.kill("SIGTERM");
    const hurry = (): void => void child.kill("SIGTERM");
    if (isHurried.aborted) hurry();
    else isHurried.addEventListener("abort", hurry, { once: true });
    await gone;
    isHurried.removeEventListener("abort", hurry);
  }

  async #start(): Promise<string> {
    if (this.#isEnding) throw new MountError("MOUNT_STOPPED", "the daemon is being ended");
    const { uid, gid } = this.#owner;
    const { cacheBytes, retryMs, log } = this.#options;
    await this.#makeFolder();
    const folders = ["--state", this.#folder, "--cache-dir", join(this.#folder, "blobs")];
    const theirs = ["--mount-root", join(this.#folder, "mnt"), "--uid", `${uid}`, "--gid", `${gid}`];
    const rest = ["--retry", `${retryMs}ms`, "--with-parent"];
    if (cacheBytes !== undefined) rest.push("--cache-bytes", `${cacheBytes}`);
    const args = ["daemon", ...folders, ...theirs, ...rest];
    const child = spawn(process.execPath, [...process.execArgv, process.argv[1] ?? "", ...args], {
      cwd: "/",
      // Signals of a terminal come to this process, which tells it.
      detached: true,
      stdio: ["pipe", "ignore", "pipe"],
    });
    this.#child = child;
    let said = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      said = (said + text).slice(-4096);
      for (const line of text.split("\n")) if (line !== "") log(line.replace(/^millrace-mount: /, ""));
    });
    let isGone = false;
    child.on("error", () => (isGone = true));
    child.on("exit", () => {
      isGone = true;
      if (this.#child === child) this.#starting = undefined;
    });
    // Its socket's path is chosen as it chooses it: without a folder of root's.
    const path = chooseSocketPath(this.#folder, {});
    for (let leftMs = START_MS; leftMs > 0 && !isGone; leftMs -= STEP_MS) {
      await sleep(STEP_MS);
      try {
        (await this.#connect(path))[Symbol.dispose]();
        return path;
      } catch (error) {
        if ((error as { readonly code?: unknown }).code !== "MOUNT_NO_DAEMON") throw error;
      }
    }
    child.kill("SIGKILL");
    throw new MountError("MOUNT_NO_DAEMON", `the daemon of user ${uid} did not come up: ${said.trim()}`);
  }

  /** It lies in a folder of theirs: what leads anywhere else is none. */
  async #connect(path: string): Promise<ControlClient> {
    const found = await lstat(path).catch(() => undefined);
    if (found?.isSocket() !== true || found.uid !== this.#owner.uid)
      throw new MountError("MOUNT_NO_DAEMON", `no daemon of user ${this.#owner.uid} listens at ${path}`);
    return await connectControl(path);
  }

  /** Their folder, in one that they may pass through and nothing else. */
  async #makeFolder(): Promise<void> {
    const { uid, gid } = this.#owner;
    const { stateFolder } = this.#options;
    const parent = dirname(this.#folder);
    await mkdir(parent, { recursive: true, mode: 0o711 });
    for (const each of [stateFolder, parent]) await chmod(each, 0o711);
    await mkdir(this.#folder, { recursive: true, mode: 0o700 });
    await chown(this.#folder, uid, gid);
    try {
      await runFile("test", ["-x", this.#folder], { cwd: "/", uid, gid });
    } catch (cause) {
      throw new MountError(
        "MOUNT_OWNER_REFUSED",
        `user ${uid} cannot get to ${stateFolder}: have the daemon's --state where they can`,
        { cause },
      );
    }
  }
}
