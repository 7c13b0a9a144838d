import { constants, futimesSync, openSync, rmSync, type Stats } from "node:fs";

/** No two openings write the time of use within this time: what is sorted out by it is minutes or days old. */
const USE_STEP_MS = 60_000;

/** Opens a file to read, and follows no link; `undefined` where there is none. */
export function openFile(path: string): number | undefined {
  try {
    return openSync(path, constants.O_RDONLY | constants.O_NOFOLLOW | constants.O_NONBLOCK);
  } catch (error) {
    const { code } = error as NodeJS.ErrnoException;
    if (code === "ENOENT") return undefined;
    if (code !== "ELOOP" && code !== "ENXIO") throw error;
    rmSync(path, { force: true });
    return undefined;
  }
}

/** Says that a file is being used, where that was not said just now. Its state stays the one that was verified. */
export function noteUse(fd: number, { atimeMs, mtimeMs }: Stats): void {
  const now = Date.now();
  if (atimeMs < now - USE_STEP_MS) touch(fd, now, mtimeMs);
}

/** Says when a file was used. Times of change are whole seconds, which is what can be written back unchanged. */
export function touch(fd: number, usedMs: number, changedMs: number): void {
  try {
    futimesSync(fd, usedMs / 1000, Math.floor(changedMs / 1000));
  } catch (error) {
    // Somebody else's file, or a disk that is only read: it may be evicted too early.
    const { code } = error as NodeJS.ErrnoException;
    if (code !== "EPERM" && code !== "EACCES" && code !== "EROFS") throw error;
  }
}
