import { closeSync, fsync, fsyncSync, openSync } from "node:fs";
import { promisify } from "node:util";

const syncFile = promisify(fsync);

/** Makes the names in a folder survive a loss of power. */
export async function syncFolder(folder: string): Promise<void> {
  const fd = openSync(folder, "r");
  try {
    await syncFile(fd);
  } finally {
    closeSync(fd);
  }
}

/** `syncFolder`, at once. */
export function syncFolderNow(folder: string): void {
  const fd = openSync(folder, "r");
  try {
    fsyncSync(fd);
  } finally {
    closeSync(fd);
  }
}
