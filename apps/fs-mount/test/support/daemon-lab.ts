import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type ControlClient, connectControl } from "../../src/daemon/control-client.ts";
import { listMounts } from "../../src/mount-table.ts";
import type { Registration } from "../../src/daemon/schema.ts";
import type { Status } from "../../src/daemon/status.ts";
import { Lab, run } from "./lab.ts";
import { MOUNT } from "./program.ts";
import { git, GIT_ENVIRONMENT } from "./repository.ts";

/** Between two looks at a status, in milliseconds. */
const STEP_MS = 50;

/** The daemon of one state folder, in a process of its own, and what it mounts. */
export class DaemonLab {
  readonly state: string;
  readonly cache: string;
  /** Where repositories are mounted. */
  readonly mounts: string;
  /** Beside what git has in all tests. */
  environment: Readonly<Record<string, string>> = {};
  readonly #children: ChildProcess[] = [];
  #said = "";
  #isEnded = false;

  constructor(lab: Lab) {
    this.state = lab.folder();
    this.cache = lab.folder();
    this.mounts = lab.folder();
  }

  /** Waits until the daemon has said something on its standard error. */
  async says(words: string): Promise<void> {
    while (!this.#said.includes(words)) await sleep(STEP_MS);
  }

  /** Starts the daemon, and waits until it listens. Throws with its words where it does not. */
  async start(...options: readonly string[]): Promise<void> {
    // A test that has taken too long goes on behind its end.
    if (this.#isEnded) throw new Error("the test is over");
    const folders = ["--state", this.state, "--cache-dir", this.cache, "--mount-root", this.mounts];
    const child = spawn(process.execPath, [...MOUNT, "daemon", ...folders, "--retry", "100ms", ...options], {
      env: { ...GIT_ENVIRONMENT, ...this.environment },
      stdio: ["ignore", "pipe", "pipe"],
    });
    let said = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => {
      said += text;
      this.#said += text;
    });
    await Promise.race([
      once(child.stdout.setEncoding("utf8"), "data"),
      once(child, "close").then(([status]) => {
        throw new Error(`status ${String(status)}: ${said}`);
      }),
    ]);
    this.#children.push(child);
  }

  /** Sends the daemon a signal, and waits for its end. @returns its status and the signal that ended it */
  async signal(name: NodeJS.Signals): Promise<readonly unknown[]> {
    const child = this.#children.at(-1)!;
    const exit = once(child, "exit");
    child.kill(name);
    return await exit;
  }

  /** Waits for the end of the daemon, whoever ends it. */
  async ended(): Promise<void> {
    const child = this.#children.at(-1)!;
    if (child.exitCode === null && child.signalCode === null) await once(child, "exit");
  }

  /** Sends a signal and waits for nothing. */
  kill(name: NodeJS.Signals): void {
    this.#children.at(-1)?.kill(name);
  }

  async connect(): Promise<ControlClient> {
    return await connectControl(join(this.state, "control.sock"));
  }

  /** Registers a repository under a name; its directory is below `mounts`. */
  async add(name: string, url: string, given: Partial<Registration> = {}): Promise<string> {
    using client = await this.connect();
    const directory = join(this.mounts, name);
    const usual = { name, url, ref: "main", refreshMs: null, directory, allowOther: false, readOnly: false };
    await client.ask({ command: "add", registration: { ...usual, ...given } });
    return directory;
  }

  /** The same, and waits until git works inside and the history is there. */
  async mount(name: string, url: string, given: Partial<Registration> = {}): Promise<string> {
    const directory = await this.add(name, url, given);
    using client = await this.connect();
    await client.ask({ command: "wait", name, until: "history" });
    return directory;
  }

  async status(name: string): Promise<Status> {
    using client = await this.connect();
    const [status] = await client.ask({ command: "status", name });
    return status!;
  }

  /** Waits until a status is as it is wanted. */
  async until(name: string, isWanted: (status: Status) => boolean): Promise<Status> {
    using client = await this.connect();
    for (;;) {
      const [status] = await client.ask({ command: "status", name });
      if (isWanted(status!)) return status!;
      await sleep(STEP_MS);
    }
  }

  /** Ends the daemon and takes away what it has left, whatever has happened. */
  async end(): Promise<void> {
    this.#isEnded = true;
    for (const child of this.#children) {
      if (child.exitCode !== null || child.signalCode !== null) continue;
      const exit = once(child, "exit");
      child.kill("SIGKILL");
      await exit;
    }
    for (const { directory } of await listMounts()) {
      if (directory.startsWith(`${this.mounts}/`))
        await run("umount", ["-l", directory]).catch(() => undefined);
    }
  }

  async isMounted(directory: string): Promise<boolean> {
    return (await listMounts()).some((mounted) => mounted.directory === directory);
  }

  /** Adds a commit to a repository's branch. @returns its id */
  commit(repository: string, words: string): string {
    git(repository, ["commit", "-q", "--allow-empty", "-m", words]);
    return git(repository, ["rev-parse", "HEAD"]);
  }
}
