import { execFile } from "node:child_process";
import { access, constants, mkdir, statfs } from "node:fs/promises";
import { promisify } from "node:util";
import { connectControl } from "./control-client.ts";
import { isOurs, listMounts, lookAt } from "../mount-table.ts";
import { readMountRights } from "../rights.ts";
import { redirectHealth } from "./redirect-health.ts";
import type { Status } from "./status.ts";
import { wordsOf } from "../told-error.ts";

/** What one check has found. `limited`: it works, with less. */
export interface Check {
  readonly name: string;
  readonly outcome: "ok" | "limited" | "failed";
  readonly detail?: string | undefined;
}

/** What is looked at. */
export interface Examined {
  readonly stateFolder: string;
  readonly cacheFolder: string;
  readonly socketPath: string;
}

/** The first git with partial clones over protocol version 2 that fetches into them as we ask for it. */
const OLDEST_GIT = [2, 29] as const;
const LITTLE_BYTES = 1 << 30;
const LOOK_MS = 5000;
const runFile = promisify(execFile);

/** Looks whether this machine can keep repositories mounted, and how those fare that are. One check's fault is no other's. */
export async function examine({ stateFolder, cacheFolder, socketPath }: Examined): Promise<readonly Check[]> {
  const checks: Check[] = [];
  const check = async (name: string, look: () => Promise<Omit<Check, "name">>): Promise<void> => {
    try {
      checks.push({ name, ...(await look()) });
    } catch (error) {
      checks.push({ name, outcome: "failed", detail: wordsOf(error) });
    }
  };
  await check("/dev/fuse", async () => {
    await access("/dev/fuse", constants.R_OK | constants.W_OK);
    return { outcome: "ok" };
  });
  await check("right to mount", mayMount);
  await check("git", whichGit);
  await check("git-remote-millrace", whichHelper);
  await check("flock", async () => {
    const { stdout } = await runFile("flock", ["--version"], { cwd: "/" });
    return { outcome: "ok", detail: stdout.trim() };
  });
  await check("state folder", () => usable(stateFolder));
  await check("cache", () => usable(cacheFolder));
  let statuses: readonly Status[] = [];
  await check("daemon", async () => {
    using client = await connectControl(socketPath);
    const { version, pid } = await client.ask({ command: "ping" });
    statuses = await client.ask({ command: "status" });
    return { outcome: "ok", detail: `version ${version}, process ${pid}, ${statuses.length} registered` };
  });
  await check("stale mounts", staleMounts);
  for (const status of statuses) {
    await check(`mount ${status.name}`, () => health(status));
    for (const each of status.redirects)
      await check(`redirect ${status.name}/${each.path}`, () => redirectHealth(status, each));
  }
  return checks;
}

async function mayMount(): Promise<Omit<Check, "name">> {
  const { isOurs, isWithinBounds } = await readMountRights();
  if (!isWithinBounds)
    return {
      outcome: "failed",
      detail: "no program here may have CAP_SYS_ADMIN; millrace-mount materialize writes plain files",
    };
  if (isOurs) return { outcome: "ok" };
  try {
    const { stdout } = await runFile("fusermount3", ["--version"], { cwd: "/" });
    return { outcome: "ok", detail: `by ${stdout.trim()}` };
  } catch {
    const detail = "neither root nor fusermount3 (fuse3); millrace-mount materialize writes plain files";
    return { outcome: "failed", detail };
  }
}

async function whichGit(): Promise<Omit<Check, "name">> {
  const { stdout } = await runFile("git", ["--version"], { cwd: "/" });
  const detail = stdout.trim();
  const [major = 0, minor = 0] = /(\d+)\.(\d+)/.exec(detail)?.slice(1).map(Number) ?? [];
  const isOld = major < OLDEST_GIT[0] || (major === OLDEST_GIT[0] && minor < OLDEST_GIT[1]);
  return isOld
    ? { outcome: "failed", detail: `${detail}; ${OLDEST_GIT.join(".")} is needed` }
    : { outcome: "ok", detail };
}

/** git's helper for buckets. Mounts say where theirs is; whoever names a bucket elsewhere needs it on the PATH. */
async function whichHelper(): Promise<Omit<Check, "name">> {
  try {
    const { stdout } = await runFile("git-remote-millrace", ["--version"], { cwd: "/" });
    return { outcome: "ok", detail: `version ${stdout.trim()}` };
  } catch (error) {
    if ((error as NodeJS.ErrnoException).code !== "ENOENT") throw error;
    const way = "npm install --global @millrace/fs-mount";
    return {
      outcome: "limited",
      detail: `not on the PATH: git finds it in mounts of buckets alone; for millrace::s3://… elsewhere: ${way}`,
    };
  }
}

async function usable(folder: string): Promise<Omit<Check, "name">> {
  await mkdir(folder, { recursive: true, mode: 0o700 });
  await access(folder, constants.R_OK | constants.W_OK | constants.X_OK);
  const { bavail, bsize } = await statfs(folder);
  const free = bavail * bsize;
  const detail = `${folder}, ${Math.floor(free / 1e6)} MB free`;
  return { outcome: free < LITTLE_BYTES ? "limited" : "ok", detail };
}

async function staleMounts(): Promise<Omit<Check, "name">> {
  const found: string[] = [];
  for (const mounted of (await listMounts()).filter(isOurs)) {
    if ((await lookAt(mounted.directory, LOOK_MS, mounted.owner)) === "stale") found.push(mounted.directory);
  }
  if (found.length === 0) return { outcome: "ok" };
  return { outcome: "failed", detail: `nobody serves ${found.join(", ")}: umount -l takes them away` };
}

async function health({ directory, state, error }: Status): Promise<Omit<Check, "name">> {
  if (state === "unmounted") return { outcome: "ok", detail: "unmounted" };
  const mount = (await listMounts()).findLast(
    (mounted) => mounted.directory === directory && isOurs(mounted),
  );
  if (mount !== undefined) {
    const look = await lookAt(directory, LOOK_MS, mount.owner);
    if (look !== "answers")
      return { outcome: "failed", detail: `${directory} ${look === "stale" ? "is stale" : look}` };
    if (state === "mounted") return { outcome: "ok", detail: directory };
  }
  const detail = error === null ? state : `${state}: ${error}`;
  return { outcome: state === "failed" ? "failed" : "limited", detail };
}
