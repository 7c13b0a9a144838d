import { mkdir } from "node:fs/promises";
import { dirname, resolve } from "node:path";
import { syncFolder } from "./sync-folder.ts";

/**
 * Makes a folder that only its owner gets into, with those above it that are missing, and has their names survive a loss of power: what
 * is synced in it would be lost with them.
 * @throws errors of `node:fs`
 */
export async function makeFolder(folder: string): Promise<void> {
  const first = await mkdir(folder, { recursive: true, mode: 0o700 });
  if (first === undefined) return;
  const top = dirname(resolve(first));
  for (let at = resolve(folder); at !== top; ) {
    at = dirname(at);
    await syncFolder(at).catch((error: unknown) => {
      // Who may make names in a folder may not be allowed to open it.
      if ((error as NodeJS.ErrnoException).code !== "EACCES") throw error;
    });
  }
}
