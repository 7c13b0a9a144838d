import { spawnSync } from "node:child_process";
import { closeSync, fstatSync, openSync, rmSync, statSync } from "node:fs";
import { join } from "node:path";
import { MountError } from "../errors.ts";

/**
 * Locks a state folder for as long as this process lives, or until the lock is released.
 *
 * It is a lock of flock(2): the system lets go of it when the process ends, however it ends, and it is one lock for all
 * namespaces that see the folder, unlike a process id or an abstract socket. Node has no flock, but the lock belongs to the open
 * file and not to who took it, so that the program flock(1), given the descriptor, takes it for us and ends.
 *
 * @returns what releases it
 * @throws MountError MOUNT_STATE_LOCKED, MOUNT_STATE_UNLOCKABLE; errors of `node:fs`
 */
export function lockStateFolder(folder: string): () => void {
  const fd = openSync(join(folder, "lock"), "a", 0o600);
  try {
    lockDescriptor(fd, folder);
  } catch (error) {
    closeSync(fd);
    throw error;
  }
  let isHeld = true;
  return () => {
    if (isHeld) closeSync(fd);
    isHeld = false;
  };
}

/**
 * Locks a git directory that somebody has brought in the same way, and leaves no file of it behind.
 * @throws as `lockStateFolder`
 */
export function lockGitDirectory(path: string): () => void {
  const file = join(path, "millrace.lock");
  for (;;) {
    const fd = openSync(file, "a", 0o600);
    let isNamed: boolean;
    try {
      lockDescriptor(fd, path);
      // Who held it until now has taken its file away.
      isNamed = statSync(file, { throwIfNoEntry: false })?.ino === fstatSync(fd).ino;
    } catch (error) {
      closeSync(fd);
      throw error;
    }
    if (!isNamed) {
      closeSync(fd);
      continue;
    }
    let isHeld = true;
    return () => {
      if (!isHeld) return;
      isHeld = false;
      rmSync(file, { force: true });
      closeSync(fd);
    };
  }
}

function lockDescriptor(fd: number, folder: string): void {
  const { error, status, stderr } = spawnSync("flock", ["-n", "-x", "3"], {
    stdio: ["ignore", "ignore", "pipe", fd],
  });
  if (error !== undefined) throw unlockable(folder, "the program flock (util-linux) is needed", error);
  if (status === 1) throw locked(folder);
  if (status !== 0) throw unlockable(folder, stderr.toString().trim());
}

function locked(folder: string): MountError {
  return new MountError("MOUNT_STATE_LOCKED", `another process works on ${folder}`);
}

function unlockable(folder: string, why: string, cause?: unknown): MountError {
  return new MountError("MOUNT_STATE_UNLOCKABLE", `${folder} cannot be locked: ${why}`, { cause });
}
