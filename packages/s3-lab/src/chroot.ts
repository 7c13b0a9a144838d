import { type ChildProcess, execFile, spawn } from "node:child_process";
import { once } from "node:events";
import { existsSync } from "node:fs";
import { mkdir, open, rm } from "node:fs/promises";
import { homedir } from "node:os";
import { join } from "node:path";
import { promisify } from "node:util";
import { fileURLToPath } from "node:url";

const run = promisify(execFile);

/** The servers cannot be had on this machine: the message says why. */
export class LabUnavailable extends Error {
  override readonly name = "LabUnavailable";
}

/** A Debian with the servers in it, and a folder of this run's own inside. */
export interface Chroot extends AsyncDisposable {
  /** The run's folder as programs in the chroot see it. */
  readonly inside: string;
  /** The same as this process sees it. */
  readonly outside: string;
  /** Runs a program to its end and answers its standard output; what it says on failure is in the error. */
  run(program: string, args: readonly string[], seconds?: number): Promise<string>;
  /** Starts a program that stays; its output goes to `<name>.out` in the run's folder. */
  start(name: string, program: string, args: readonly string[]): Promise<Daemon>;
}

/** A program that runs until it is told to stop. */
export interface Daemon {
  readonly process: ChildProcess;
  /** Ends it by its own id and waits until it is gone. */
  stop(): Promise<void>;
}

const ENVIRONMENT = { PATH: "/usr/sbin:/usr/bin:/sbin:/bin", HOME: "/root", LC_ALL: "C" };

/** Where the chroot is kept, once for all checkouts. */
function labFolder(): string {
  const { MILLRACE_LAB, XDG_CACHE_HOME } = process.env;
  return MILLRACE_LAB ?? join(XDG_CACHE_HOME ?? join(homedir(), ".cache"), "millrace", "s3-lab");
}

/** Installs the chroot where it is missing (minutes, once a machine). Throws `LabUnavailable`. */
export async function openChroot(label: string): Promise<Chroot> {
  if (process.platform !== "linux") throw new LabUnavailable("Ceph is installed from Debian: needs Linux");
  if (process.getuid?.() !== 0) throw new LabUnavailable("a chroot needs root");
  if (!existsSync("/usr/bin/apt-get")) throw new LabUnavailable("Ceph is installed from Debian: needs apt");
  const folder = labFolder();
  const script = fileURLToPath(new URL("../scripts/install-lab.sh", import.meta.url));
  await run("bash", [script, folder], { maxBuffer: 1 << 26 });
  const root = join(folder, "root");
  const inside = `/srv/${label}-${process.pid}-${Date.now()}`;
  const outside = join(root, inside);
  await mkdir(outside, { recursive: true });
  const command = (program: string, args: readonly string[]): string[] => [root, program, ...args];
  return {
    inside,
    outside,
    async run(program, args, seconds = 60) {
      const options = { env: ENVIRONMENT, timeout: seconds * 1000, maxBuffer: 1 << 24 };
      return (await run("chroot", command(program, args), options)).stdout;
    },
    async start(name, program, args) {
      const log = await open(join(outside, `${name}.out`), "a");
      const child = spawn("chroot", command(program, args), {
        env: ENVIRONMENT,
        stdio: ["ignore", log.fd, log.fd],
      });
      await once(child, "spawn");
      await log.close();
      return { process: child, stop: () => stop(child) };
    },
    async [Symbol.asyncDispose]() {
      await rm(outside, { recursive: true, force: true });
    },
  };
}

async function stop(child: ChildProcess): Promise<void> {
  if (child.exitCode !== null || child.signalCode !== null) return;
  const gone = once(child, "exit");
  child.kill("SIGKILL");
  await gone;
}
