import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdir, readFile } from "node:fs/promises";
import { join } from "node:path";
import { git } from "../process/git.ts";
import { millraceEnvironment, mountCli } from "../millrace.ts";

/** A way to a working tree. */
export interface Way {
  readonly name: "mount" | "clone" | "clone, blob:none";
  /** Begins in an empty folder; the tree is told of as soon as its files can be listed. */
  begin(url: string, folder: string): Promise<Tree>;
}

/** A working tree that can be listed. Disposing takes away what keeps it. */
export interface Tree extends AsyncDisposable {
  readonly path: string;
  /** Of the process that serves it, where one does. */
  readonly pid?: number | undefined;
  /** Resolves when git works in it. */
  readonly ready: Promise<void>;
}

const CLONES = [
  { name: "clone", args: [] },
  { name: "clone, blob:none", args: ["--filter=blob:none"] },
] as const;

export const ways: readonly Way[] = [
  { name: "mount", begin: beginMount },
  ...CLONES.map(
    ({ name, args }): Way => ({
      name,
      async begin(url, folder) {
        const path = join(folder, "tree");
        await git(folder, ["clone", "--quiet", ...args, url, path]);
        return { path, ready: Promise.resolve(), async [Symbol.asyncDispose]() {} };
      },
    }),
  ),
];

const POLL_MS = 5;

async function beginMount(url: string, folder: string): Promise<Tree> {
  const path = join(folder, "tree");
  await mkdir(path);
  const folders = ["--state", join(folder, "state"), "--cache-dir", join(folder, "blobs")];
  const child = spawn(process.execPath, [mountCli, ...folders, url, path], {
    env: millraceEnvironment(folder),
    stdio: ["ignore", "pipe", "pipe"],
  });
  let said = "";
  child.stderr.setEncoding("utf8").on("data", (text: string) => (said += text));
  const exit = once(child, "exit");
  const failed = exit.then(() => {
    throw new Error(`millrace-mount has ended: ${said}`);
  });
  failed.catch(() => undefined);
  const ready = Promise.race([once(child.stdout, "data").then(() => undefined), failed]);
  ready.catch(() => undefined);
  const isThere = async (): Promise<boolean> =>
    (await readFile("/proc/mounts", "utf8")).includes(` ${path} `);
  while (!(await isThere())) {
    await Promise.race([new Promise((resolve) => setTimeout(resolve, POLL_MS)), failed]);
  }
  return {
    path,
    pid: child.pid,
    ready,
    async [Symbol.asyncDispose]() {
      child.kill("SIGTERM");
      await exit;
    },
  };
}
