import { mkdir } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { resolve } from "node:path";
import { inspect } from "node:util";
import type { Storage } from "@millrace/storage";
import { openFsStorage } from "@millrace/storage-fs";
import { z } from "zod";
import { createWebhook } from "../announce/webhook.ts";
import { chooseCacheFolder } from "../cache-folder.ts";
import { startServer } from "../http/server.ts";
import { isLoopbackAddress } from "../http/peer.ts";
import { AnonymousPush, ListenAddress, UpkeepTimes } from "../schema.ts";
import { runMaintain } from "../upkeep/run-maintain.ts";
import { createUpkeep, type Upkeep } from "../upkeep/schedule.ts";
import { createWorkTreeUpdater } from "../work-tree/update-work-tree.ts";

/** The command line of `millrace serve`, as text. */
export interface ServeFlags {
  readonly root: string;
  /** A bucket instead of `root`. */
  readonly store?: string | undefined;
  readonly endpoint?: string | undefined;
  readonly layout?: string | undefined;
  readonly listen: string;
  readonly anonymousPush: string;
  readonly createOnPush: boolean;
  readonly maxPackBytes?: string | undefined;
  /** Of an object that is held whole for deltas. */
  readonly maxDeltaBytes?: string | undefined;
  /** Whether objects that were made to collide under SHA-1 are refused. */
  readonly collisionDetection: boolean;
  readonly threads?: string | undefined;
  /** Where pushes are posted to. */
  readonly webhook?: string | undefined;
  readonly maintain?: boolean | undefined;
  /** Hours. */
  readonly maintainEvery?: string | undefined;
  readonly maintainAfter?: string | undefined;
  /** A folder; `false` for none; absent for where the user's caches lie. */
  readonly cacheDir?: string | false | undefined;
}

const Flags = z.object({
  root: z.string().min(1),
  store: z.string().optional(),
  endpoint: z.url().optional(),
  layout: z.string().optional(),
  listen: ListenAddress,
  anonymousPush: AnonymousPush,
  createOnPush: z.boolean(),
  maxPackBytes: z.coerce.number().int().positive().optional(),
  maxDeltaBytes: z.coerce.number().int().positive().optional(),
  collisionDetection: z.boolean(),
  threads: z.coerce.number().int().positive().optional(),
  webhook: z.url({ protocol: /^https?$/ }).optional(),
  cacheDir: z.union([z.string().min(1), z.literal(false)]).optional(),
});

/** What is served: its storage, its name for people, and whether a push may make a repository in it. */
interface Served {
  readonly storage: Storage;
  readonly label: string;
  readonly mayGrow: boolean;
}

async function openServed({
  root,
  store,
  endpoint,
  layout,
  cacheDir,
}: z.infer<typeof Flags>): Promise<Served> {
  const cacheFolder = chooseCacheFolder(cacheDir, process.env);
  if (store !== undefined) {
    // A server of a folder starts in half the time without it.
    const { openBucketStore, S3Layout } = await import("@millrace/storage-s3");
    const bucket = { store, endpoint, layout: S3Layout.optional().parse(layout) };
    const storage = await openBucketStore(bucket, cacheFolder, process.env);
    return { storage, label: store, mayGrow: true };
  }
  const label = resolve(root);
  const wholeMachine = label === resolve("/");
  if (!wholeMachine) await mkdir(label, { recursive: true });
  const updateWorkTree = createWorkTreeUpdater(process.env);
  return {
    storage: openFsStorage({ root: label, cacheFolder, updateWorkTree }),
    label,
    mayGrow: !wholeMachine,
  };
}

/** Serves a folder or a bucket until SIGINT or SIGTERM, then lets the requests under way finish. */
export async function serve(flags: ServeFlags, version: string): Promise<void> {
  const parsed = Flags.parse(flags);
  const { listen, anonymousPush, maxPackBytes, maxDeltaBytes, threads, webhook: url } = parsed;
  const secret = process.env.MILLRACE_WEBHOOK_SECRET;
  const { storage, label, mayGrow } = await openServed(parsed);
  const onFault = (error: unknown): void => void process.stderr.write(`${inspect(error)}\n`);
  const isKept = mayGrow && storage.capabilities.maintenance === true;
  const upkeep = startUpkeep(parsed, isKept ? UpkeepTimes.parse(flags) : NO_UPKEEP, onFault);
  const createOnPush = parsed.createOnPush && mayGrow;
  const server = await startServer(storage, listen, {
    version,
    anonymousPush,
    createOnPush,
    receive: { maxPackBytes, maxDeltaBytes, detectCollisions: parsed.collisionDetection },
    threads,
    onPush: url === undefined ? undefined : createWebhook({ url, secret }),
    onPushAnswered: (name) => upkeep.pushed(name),
    onFault,
  });
  process.stdout.write(greeting(label, server.address, createOnPush));
  await untilSignal();
  process.stdout.write("Closing: requests under way may finish.\n");
  await Promise.all([server.close(), upkeep[Symbol.asyncDispose]()]);
  await storage[Symbol.asyncDispose]();
}

/** Whoever serves the whole machine is not asked to tidy it up, and not each kind of storage can be. */
const NO_UPKEEP: UpkeepTimes = { maintainEvery: 0, maintainAfter: 0 };
const HOUR_MS = 60 * 60 * 1000;

function startUpkeep(
  { root, store, endpoint, cacheDir, threads }: z.infer<typeof Flags>,
  { maintainEvery, maintainAfter }: UpkeepTimes,
  onFault: (error: unknown) => void,
): Upkeep {
  const place = store === undefined ? ["--root", root] : ["--store", store];
  if (endpoint !== undefined) place.push("--endpoint", endpoint);
  const cache =
    cacheDir === false ? ["--no-cache-dir"] : cacheDir === undefined ? [] : ["--cache-dir", cacheDir];
  // Requests have the other half.
  const half = Math.max(1, Math.floor((threads ?? availableParallelism()) / 2));
  return createUpkeep({
    everyMs: maintainEvery === 0 ? undefined : maintainEvery * HOUR_MS,
    afterPushes: maintainAfter === 0 ? undefined : maintainAfter,
    run: (name, signal) =>
      runMaintain(
        [...place, ...cache, "--threads", `${half}`, ...(name === undefined ? [] : ["--repository", name])],
        signal,
      ),
    onFault,
  });
}

function greeting(label: string, { host, port }: ListenAddress, creates: boolean): string {
  const shown = host.includes(":") ? `[${host}]` : host;
  const url = `http://${shown}:${port}`;
  const first = creates
    ? `Push any repository to create it:  git push ${url}/name.git main`
    : `Clone one:  git clone ${url}/path/to/repository`;
  const open = isLoopbackAddress(host)
    ? ""
    : "Pushes are taken from this machine only, unless --anonymous-push says otherwise.\n";
  return `Millrace serves ${label} at ${url}\n${open}${first}\n`;
}

function untilSignal(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => resolve());
  });
}
