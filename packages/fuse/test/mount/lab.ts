import { existsSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { type Mount, type MountOptions, MEMORY_FILE_SYSTEM, mount } from "@millrace/fuse";
import * as lab from "@millrace/git-lab";

/** Why no test can mount here, or `undefined` where one can. */
export function whyNot(): string | undefined {
  if (!existsSync("/dev/fuse")) return "there is no /dev/fuse: NOTHING OF A REAL MOUNT IS TESTED";
  if (process.geteuid?.() !== 0) return "these tests mount as root: NOTHING OF A REAL MOUNT IS TESTED";
  return undefined;
}

/** Whether a program is installed. The set-up of the test run has tried to, where it may. */
export function isInstalled(program: string): boolean {
  return (process.env.PATH ?? "").split(":").some((folder) => existsSync(join(folder, program)));
}

/** Mounts and folders of one file of tests; `end` takes all of them away, whatever has happened. */
export class Lab {
  readonly #folders: string[] = [];
  readonly #mounts: Mount[] = [];

  folder(): string {
    const folder = mkdtempSync(join(tmpdir(), "millrace-fuse-"));
    this.#folders.push(folder);
    return folder;
  }

  async mount(options: Partial<MountOptions> = {}): Promise<Mount> {
    const mounted = await mount({
      directory: this.folder(),
      module: MEMORY_FILE_SYSTEM,
      allowOther: true,
      trusted: true,
      ...options,
    });
    mounted.ended.catch(() => undefined);
    this.#mounts.push(mounted);
    return mounted;
  }

  async end(): Promise<void> {
    for (const mounted of this.#mounts) {
      // Whatever a failed test left inside hangs nothing.
      await mounted.abort();
    }
    for (const folder of this.#folders) rmSync(folder, { recursive: true, force: true });
  }
}

/** Runs a program beside this process: the mount must never be used by it synchronously. @throws with what it said */
export async function run(
  command: string,
  args: readonly string[],
  { cwd, timeoutMs = 60_000, env }: { cwd?: string; timeoutMs?: number; env?: NodeJS.ProcessEnv } = {},
): Promise<string> {
  const { status, stdout, stderr } = await lab.run(command, args, {
    cwd,
    timeoutMs,
    env: { ...process.env, ...env },
  });
  if (status === 0) return stdout.toString();
  throw new Error(`${command} ${args.join(" ")}: status ${status}\n${stderr.toString()}${stdout.toString()}`);
}

/** A file beside the tests. */
export function beside(name: string): string {
  return fileURLToPath(new URL(name, import.meta.url));
}
