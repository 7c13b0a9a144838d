import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { afterEach } from "vitest";
import { run } from "./lab.ts";
import { MOUNT } from "./program.ts";

/** `millrace-mount` in the foreground, in processes of its own; what a test leaves of them is taken away behind it. */
export class Foreground {
  readonly #children: ChildProcess[] = [];
  readonly #mounts: string[] = [];

  /** Starts the program on a directory, and waits for its line. Throws with its words where it ends before that. */
  async start(
    origin: string,
    directory: string,
    folders: readonly string[],
  ): Promise<{ child: ChildProcess; line: string }> {
    const child = spawn(process.execPath, [...MOUNT, ...folders, origin, directory], {
      stdio: ["ignore", "pipe", "pipe"],
    });
    this.keep(child);
    this.#mounts.push(directory);
    let said = "";
    child.stderr.setEncoding("utf8").on("data", (text: string) => (said += text));
    const [line] = (await Promise.race([
      once(child.stdout.setEncoding("utf8"), "data"),
      once(child, "exit").then(() => {
        throw new Error(said);
      }),
    ])) as [string];
    return { child, line };
  }

  /** Kills another process, too, when the test is over. */
  keep(child: ChildProcess): void {
    this.#children.push(child);
  }

  async end(): Promise<void> {
    for (const child of this.#children.splice(0)) child.kill("SIGKILL");
    for (const directory of this.#mounts.splice(0))
      await run("umount", ["-l", directory]).catch(() => undefined);
  }
}

/** For a file of tests. */
export function useForeground(): Foreground {
  const foreground = new Foreground();
  afterEach(() => foreground.end());
  return foreground;
}
