import { mkdir } from "node:fs/promises";
import { resolve } from "node:path";
import { inspect } from "node:util";
import { openFsStorage } from "@millrace/storage-fs";
import { z } from "zod";
import { chooseCacheFolder } from "../cache-folder.ts";
import { startServer } from "../http/server.ts";
import { isLoopbackAddress } from "../http/peer.ts";
import { AnonymousPush, ListenAddress } from "../schema.ts";
import { createWorkTreeUpdater } from "../work-tree/update-work-tree.ts";

/** The command line of `millrace serve`, as text. */
export interface ServeFlags {
  readonly root: string;
  readonly listen: string;
  readonly anonymousPush: string;
  readonly createOnPush: boolean;
  readonly maxPackBytes?: string | undefined;
  readonly threads?: string | undefined;
  /** A folder; `false` for none; absent for where the user's caches lie. */
  readonly cacheDir?: string | false | undefined;
}

const Flags = z.object({
  root: z.string().min(1),
  listen: ListenAddress,
  anonymousPush: AnonymousPush,
  createOnPush: z.boolean(),
  maxPackBytes: z.coerce.number().int().positive().optional(),
  threads: z.coerce.number().int().positive().optional(),
  cacheDir: z.union([z.string().min(1), z.literal(false)]).optional(),
});

/** Serves a folder until SIGINT or SIGTERM, then lets the requests under way finish. */
export async function serve(flags: ServeFlags, version: string): Promise<void> {
  const { listen, anonymousPush, createOnPush, maxPackBytes, threads, cacheDir, ...rest } =
    Flags.parse(flags);
  const root = resolve(rest.root);
  const wholeMachine = root === resolve("/");
  if (!wholeMachine) await mkdir(root, { recursive: true });
  const storage = openFsStorage({
    root,
    cacheFolder: chooseCacheFolder(cacheDir, process.env),
    updateWorkTree: createWorkTreeUpdater(process.env),
  });
  const server = await startServer(storage, listen, {
    version,
    anonymousPush,
    createOnPush: createOnPush && !wholeMachine,
    receive: { maxPackBytes },
    threads,
    onFault: (error) => process.stderr.write(`${inspect(error)}\n`),
  });
  process.stdout.write(greeting(root, server.address, createOnPush && !wholeMachine));
  await untilSignal();
  process.stdout.write("Closing: requests under way may finish.\n");
  await server.close();
  await storage[Symbol.asyncDispose]();
}

function greeting(root: string, { host, port }: ListenAddress, creates: boolean): string {
  const shown = host.includes(":") ? `[${host}]` : host;
  const url = `http://${shown}:${port}`;
  const first = creates
    ? `Push any repository to create it:  git push ${url}/name.git main`
    : `Clone one:  git clone ${url}/path/to/repository`;
  const open = isLoopbackAddress(host)
    ? ""
    : "Pushes are taken from this machine only, unless --anonymous-push says otherwise.\n";
  return `Millrace serves ${root} at ${url}\n${open}${first}\n`;
}

function untilSignal(): Promise<void> {
  return new Promise((resolve) => {
    for (const signal of ["SIGINT", "SIGTERM"] as const) process.once(signal, () => resolve());
  });
}
