import { realpath } from "node:fs/promises";
import { basename, dirname, join, resolve } from "node:path";
import { z } from "zod";
import { readAddress } from "../address.ts";
import { connectControl, type ControlClient } from "../daemon/control-client.ts";
import { DurationOrNever, formatDuration } from "../daemon/duration.ts";
import { connectOrLaunch } from "../daemon/launch.ts";
import { CommitId, Registration } from "../daemon/schema.ts";
import { chooseSocketPath } from "../daemon/socket-path.ts";
import { MountError } from "../errors.ts";
import { chooseDaemonFolder } from "../folders.ts";
import { makeFolder } from "../make-folder.ts";
import { RedirectPath } from "../redirect/schema.ts";
import { absoluteAddress } from "../place.ts";
import { cannotMount, probeMounting } from "./can-mount.ts";
import { createProgress } from "./progress.ts";

/** Which daemon is meant. */
export interface StateFlag {
  readonly state?: string | undefined;
}

/** The command line of `add`, as text. */
export interface AddFlags extends StateFlag {
  readonly name?: string | undefined;
  readonly requireCommit?: string | undefined;
  readonly gitDir?: string | undefined;
  readonly preparedGitdir?: string | undefined;
  readonly depth?: string | undefined;
  readonly refresh?: string | undefined;
  readonly history?: boolean | undefined;
  readonly allowOther?: boolean | undefined;
  readonly readOnly?: boolean | undefined;
  readonly lfs?: boolean | undefined;
  readonly uid?: string | undefined;
  readonly gid?: string | undefined;
  readonly redirect?: readonly string[] | undefined;
  readonly wait?: boolean | undefined;
  readonly waitHistory?: boolean | undefined;
}

const owner = z.coerce.number().int().min(0).max(0xfffffffe).optional();
const Add = z.object({
  name: z.string().optional(),
  requireCommit: CommitId.optional(),
  gitDir: z.string().min(1).optional(),
  preparedGitdir: z.string().min(1).optional(),
  depth: z.coerce.number().int().positive().optional(),
  refresh: DurationOrNever.default(30_000),
  history: z.boolean().default(true),
  allowOther: z.boolean().default(false),
  readOnly: z.boolean().default(false),
  lfs: z.boolean().optional(),
  uid: owner,
  gid: owner,
  redirect: z.array(RedirectPath).default([]),
  wait: z.boolean().default(false),
  waitHistory: z.boolean().default(false),
});

/** Connects to the daemon of a state folder. Throws MOUNT_NO_DAEMON with how to start one. */
export async function connectTo({ state }: StateFlag): Promise<ControlClient> {
  const folder = await plainPath(chooseDaemonFolder(state, process.env));
  try {
    return await connectControl(chooseSocketPath(folder, process.env));
  } catch (error) {
    if ((error as { readonly code?: unknown }).code !== "MOUNT_NO_DAEMON") throw error;
    const start = `millrace-mount daemon${state === undefined ? "" : ` --state ${state}`}`;
    throw new MountError("MOUNT_NO_DAEMON", `no daemon runs on ${folder}: start one with "${start}"`, {
      cause: error,
    });
  }
}

/** Registers a repository with the daemon. */
export async function add(repository: string, directory: string | undefined, asked: AddFlags): Promise<void> {
  using client = await connectTo(asked);
  await addTo(client, repository, directory, asked);
}

/** Mounts in the background: the daemon is started where none runs. Returns when git works inside. */
export async function detach(repository: string, directory: string, asked: AddFlags): Promise<void> {
  readAddress(repository);
  await probeMounting(repository, directory);
  const stateFolder = chooseDaemonFolder(asked.state, process.env);
  await makeFolder(stateFolder);
  const socketPath = chooseSocketPath(await plainPath(stateFolder), process.env);
  const args = ["daemon", "--state", stateFolder];
  using client = await connectOrLaunch({ stateFolder, socketPath, args });
  await addTo(client, repository, directory, { ...asked, wait: true });
}

async function addTo(
  client: ControlClient,
  repository: string,
  given: string | undefined,
  asked: AddFlags,
): Promise<void> {
  const { wait, waitHistory, history, refresh: refreshMs, depth, ...flags } = Add.parse(asked);
  const { repository: address, name: ref } = readAddress(repository);
  const url = absoluteAddress(address);
  const byDirectory = given === undefined ? undefined : basename(resolve(given));
  const name = flags.name ?? byDirectory ?? nameOf(url);
  const directory =
    given === undefined
      ? join((await client.ask({ command: "ping" })).mountRoot, name)
      : await plainPath(resolve(given));
  const { requireCommit, gitDir, preparedGitdir, allowOther, readOnly, lfs, uid, gid, redirect } = flags;
  const registration = Registration.parse({
    name,
    url,
    ref,
    requireCommit,
    gitDirectory: gitDir === undefined ? undefined : await plainPath(resolve(gitDir)),
    preparedGitDirectory: preparedGitdir === undefined ? undefined : await plainPath(resolve(preparedGitdir)),
    refreshMs,
    directory,
    allowOther,
    readOnly,
    lfs,
    uid,
    gid,
    depth: history ? depth : 1,
    redirects: redirect.length === 0 ? undefined : redirect.map((path) => ({ path })),
  });
  const status = await client.ask({ command: "add", registration });
  if (!wait && !waitHistory) {
    process.stdout.write(`added ${name}; it is to be at ${status.directory}\n`);
    return;
  }
  const progress = createProgress();
  progress.show(`Waiting for ${name}`);
  try {
    const until = waitHistory ? "history" : "ready";
    const { baseCommit } = await client.ask({ command: "wait", name, until });
    progress.clear();
    process.stdout.write(`${url}@${ref} (${(baseCommit ?? "").slice(0, 9)}) is at ${directory}\n`);
  } catch (error) {
    progress.clear();
    const words = (error as Error).message;
    if (/\/dev\/fuse|may mount|^mount: /.test(words))
      throw cannotMount(words, repository, given ?? name, error);
    throw error;
  }
}

/** The last part of an address, as a clone's folder is called. */
function nameOf(url: string): string {
  const path = url.replace(/[?#].*$/s, "").replace(/\/+$/, "");
  return path.replace(/^.*[/:]/s, "").replace(/\.git$/, "") || "repository";
}

export async function remove(
  name: string,
  { purge = false, lazy = false, ...which }: StateFlag & { purge?: boolean; lazy?: boolean },
): Promise<void> {
  using client = await connectTo(which);
  await client.ask({ command: "remove", name, purge, lazy });
  process.stdout.write(`removed ${name}\n`);
}

export async function list(which: StateFlag): Promise<void> {
  using client = await connectTo(which);
  for (const { name, ref, directory, url } of await client.ask({ command: "status" })) {
    process.stdout.write(`${[name, ref.replace(/^refs\/heads\//, ""), directory, url].join("\t")}\n`);
  }
}

/** A command for one repository, of which one line is told. */
export async function perform(
  command: "prepare" | "fetch" | "remount" | "unmount",
  name: string,
  { lazy = false, ...which }: StateFlag & { lazy?: boolean },
): Promise<void> {
  using client = await connectTo(which);
  const status = await client.ask(
    command === "remount" || command === "unmount" ? { command, name, lazy } : { command, name },
  );
  const { state, ahead, behind } = status;
  const known = command === "fetch" && ahead !== null && behind !== null;
  process.stdout.write(
    `${command}: ${name} is ${state}${known ? `, ${ahead} ahead and ${behind} behind` : ""}\n`,
  );
}

export async function setRefresh(name: string, interval: string, which: StateFlag): Promise<void> {
  const refreshMs = DurationOrNever.parse(interval);
  using client = await connectTo(which);
  await client.ask({ command: "set-refresh", name, refreshMs });
  const told = refreshMs === null ? "never" : `every ${formatDuration(refreshMs)}`;
  process.stdout.write(`${name} is refreshed ${told}\n`);
}

export async function prefetch(path: string, which: StateFlag): Promise<void> {
  using client = await connectTo(which);
  const { name, count, bytes } = await client.ask({
    command: "prefetch",
    path: await plainPath(resolve(path)),
  });
  process.stdout.write(`${name}: ${count} files here, ${bytes} bytes\n`);
}

export async function evict(
  name: string | undefined,
  { keep = "0", ...which }: StateFlag & { keep?: string },
): Promise<void> {
  const keepBytes = z.coerce.number().int().nonnegative().parse(keep);
  using client = await connectTo(which);
  const { cache, gitDirectories } = await client.ask({ command: "evict", name, keepBytes });
  process.stdout.write(
    `evicted ${cache.count} files of the cache, ${cache.bytes} bytes, and ${gitDirectories.count} of git directories, ${gitDirectories.bytes} bytes\n`,
  );
}

export async function gc(name: string | undefined, which: StateFlag): Promise<void> {
  using client = await connectTo(which);
  const { cache, packsBefore, packsAfter } = await client.ask({ command: "gc", name });
  process.stdout.write(
    `${packsBefore} packs are ${packsAfter}; ${cache.count} files left the cache, ${cache.bytes} bytes\n`,
  );
}

/** A path without symbolic links, whether its end is there or not. */
export async function plainPath(path: string): Promise<string> {
  try {
    return await realpath(path);
  } catch {
    // It is not there yet, or a mount that nobody serves any more.
    const parent = dirname(path);
    return parent === path ? path : join(await plainPath(parent), basename(path));
  }
}
