import { type FileHandle, link, lstat, mkdir, open, readdir, rm, unlink } from "node:fs/promises";
import { dirname, join, relative } from "node:path";
import { errnoOf, ifPresent } from "./fault.ts";

/** The folder in a repository that says which locks are held by who is alone with it. */
const FOLDER = "millrace-locks";

/**
 * Tells the locks that a killed process has left from those of others: each lock is another name of a file in a folder that
 * this process has for itself, so that what is the same file was ours. All methods throw errors of `node:fs`.
 */
export interface LockNotes {
  /** Makes a lock file, which must not be there. Throws as `open` with `wx`. */
  make(lockPath: string): Promise<FileHandle>;
  /** Whether a lock is there and noted; one that is not may be somebody else's. */
  has(lockPath: string): Promise<boolean>;
  /** The lock is gone, or has become the file that it protects. */
  forget(lockPath: string): Promise<void>;
  /** Removes what a process before this one has left: its locks, if they are still its own, and the notes with their folder. */
  sweep(): Promise<void>;
}

/** What disks say that know no second name of a file. */
const WITHOUT_LINKS: ReadonlySet<string> = new Set(["EPERM", "ENOTSUP", "ENOSYS"]);

/**
 * Notes of the locks that one process at a time holds in a repository. Where the disk knows no second names, no lock is noted.
 * @param base the repository's common directory
 */
export function openLockNotes(base: string): LockNotes {
  const folder = join(base, FOLDER);
  const noteOf = (lockPath: string): string => join(folder, relative(base, lockPath));
  const lockOf = (note: string): string => join(base, relative(folder, note));
  return {
    async make(lockPath) {
      const note = noteOf(lockPath);
      await mkdir(dirname(note), { recursive: true });
      // Where the note is there, the lock is held by ourselves.
      const handle = await open(note, "wx", 0o666);
      try {
        await link(note, lockPath);
        return handle;
      } catch (error) {
        await handle.close();
        await ifPresent(unlink(note));
        if (WITHOUT_LINKS.has(errnoOf(error) ?? "")) return open(lockPath, "wx", 0o666);
        throw error;
      }
    },
    async has(lockPath) {
      return await isSameFile(noteOf(lockPath), lockPath);
    },
    async forget(lockPath) {
      await ifPresent(unlink(noteOf(lockPath)));
    },
    async sweep() {
      const entries = await ifPresent(readdir(folder, { withFileTypes: true, recursive: true }));
      for (const entry of entries ?? []) {
        if (entry.isDirectory()) continue;
        const note = join(entry.parentPath, entry.name);
        const lock = lockOf(note);
        if (await isSameFile(note, lock)) await ifPresent(unlink(lock));
      }
      await rm(folder, { recursive: true, force: true });
    },
  };
}

async function isSameFile(one: string, other: string): Promise<boolean> {
  const [a, b] = await Promise.all([one, other].map((path) => ifPresent(lstat(path))));
  return a !== undefined && b !== undefined && a.dev === b.dev && a.ino === b.ino;
}
