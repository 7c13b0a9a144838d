import { join, resolve } from "node:path";
import { z } from "zod";
import { startDaemon } from "../daemon/daemon.ts";
import { Duration } from "../daemon/duration.ts";
import { chooseCacheFolder, chooseDaemonFolder } from "../folders.ts";
import { makeFolder } from "../make-folder.ts";
import { becomeOwner, foreignOwner } from "../owner.ts";
import { onSignals } from "./signals.ts";

/** The command line of `millrace-mount daemon`, as text. */
export interface DaemonFlags {
  readonly state?: string | undefined;
  readonly mountRoot?: string | undefined;
  readonly cacheDir?: string | undefined;
  readonly cacheBytes?: string | undefined;
  readonly retry: string;
  readonly uid?: string | undefined;
  readonly gid?: string | undefined;
  readonly withParent?: boolean | undefined;
}

const owner = z.coerce.number().int().min(0).max(0xfffffffe).optional();
const Flags = z.object({
  state: z.string().min(1).optional(),
  mountRoot: z.string().min(1).optional(),
  cacheDir: z.string().min(1).optional(),
  cacheBytes: z.coerce.number().int().positive().optional(),
  retry: Duration,
  uid: owner,
  gid: owner,
  withParent: z.boolean().default(false),
});

/** Runs the daemon until a signal comes, and its mounts are away. */
export async function daemon(asked: DaemonFlags, version: string): Promise<void> {
  const { state, mountRoot, cacheDir, cacheBytes, retry, uid, gid, withParent } = Flags.parse(asked);
  const foreign = await foreignOwner(uid, gid);
  if (foreign !== undefined) await becomeOwner(foreign);
  const stateFolder = chooseDaemonFolder(state, process.env);
  const cacheFolder = resolve(chooseCacheFolder(cacheDir, process.env));
  const mounts = resolve(mountRoot ?? join(stateFolder, "mnt"));
  await makeFolder(stateFolder);
  // Whoever serves a mount must not be in it, nor keep anybody else's.
  process.chdir("/");
  const log = (text: string): void => void process.stderr.write(`millrace-mount: ${text}\n`);
  const hurry = new AbortController();
  const asksToEnd = new Promise<void>((end) => {
    onSignals((times) => {
      end();
      if (times > 1) hurry.abort();
    });
    if (!withParent) return;
    // Whoever has started this one is gone.
    process.stdin.resume().on("close", () => {
      end();
      hurry.abort();
    });
  });
  const running = await startDaemon({
    stateFolder,
    cacheFolder,
    cacheBytes,
    version,
    log,
    mountRoot: mounts,
    retryMs: retry,
    environment: process.env,
  });
  process.stdout.write(`listening at ${running.socketPath}; Ctrl-C unmounts all and ends\n`);
  await asksToEnd;
  await running.end(hurry.signal);
  // It would keep this process.
  if (withParent) process.stdin.destroy();
}
