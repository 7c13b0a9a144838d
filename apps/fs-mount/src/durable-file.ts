import { closeSync, fsyncSync, openSync, renameSync, rmSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { syncFolderNow } from "./sync-folder.ts";

/**
 * Writes a file aside, syncs it and gives it its name: a full disk or the end of the process leaves the old or the new one.
 * @throws what the disk says; nothing has changed then
 */
export function writeDurably(file: string, content: string | Uint8Array, mode: number = 0o600): void {
  const draft = `${file}.new`;
  try {
    const fd = openSync(draft, "w", mode);
    try {
      const bytes = Buffer.from(content);
      for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(draft, file);
    syncFolderNow(dirname(file));
  } catch (error) {
    rmSync(draft, { force: true });
    throw error;
  }
}
