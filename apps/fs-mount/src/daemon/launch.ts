import { spawn } from "node:child_process";
import { closeSync, openSync } from "node:fs";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { MountError } from "../errors.ts";
import { makeFolder } from "../make-folder.ts";
import { connectControl, type ControlClient } from "./control-client.ts";

/** How long a daemon may take until it answers, in milliseconds. */
const START_MS = 30_000;
const STEP_MS = 50;
/** How long one that others have started may take, when ours has ended. */
const OTHERS_MS = 2000;

/** How a daemon is started that outlives whoever starts it. */
export interface Launch {
  readonly stateFolder: string;
  readonly socketPath: string;
  /** Of this same program, `daemon` and its options. */
  readonly args: readonly string[];
}

/** Connects to the daemon, which is started where none runs. @throws MountError MOUNT_NO_DAEMON where it does not come up */
export async function connectOrLaunch({ stateFolder, socketPath, args }: Launch): Promise<ControlClient> {
  try {
    return await connectControl(socketPath);
  } catch (error) {
    if ((error as { readonly code?: unknown }).code !== "MOUNT_NO_DAEMON") throw error;
  }
  await makeFolder(stateFolder);
  const logFile = join(stateFolder, "daemon.log");
  const log = openSync(logFile, "a", 0o600);
  const script = process.argv[1] ?? "";
  const child = spawn(process.execPath, [...process.execArgv, script, ...args], {
    cwd: "/",
    detached: true,
    stdio: ["ignore", log, log],
  });
  closeSync(log);
  child.unref();
  let isEnded = false;
  for (const event of ["exit", "error"]) child.on(event, () => (isEnded = true));
  for (let leftMs = START_MS; leftMs > 0; leftMs -= STEP_MS) {
    await sleep(STEP_MS);
    try {
      return await connectControl(socketPath);
    } catch (error) {
      if ((error as { readonly code?: unknown }).code !== "MOUNT_NO_DAEMON") throw error;
    }
    // Somebody else may have started one at the same time: ours has ended then, and theirs is about to answer.
    if (isEnded) leftMs = Math.min(leftMs, OTHERS_MS);
  }
  throw new MountError("MOUNT_NO_DAEMON", `the daemon did not come up; ${logFile} says why`);
}
