import { lstat, type Stats, stat } from "node:fs";
import { isAbsent } from "./fault.ts";

/** Clocks of file systems tick every few milliseconds, those of network file systems every two seconds at worst. */
const SETTLED_MS = 2_100;

/** What `stat` tells; `undefined` where the path does not exist, which costs no exception. */
export function statIfPresent(path: string): Promise<Stats | undefined> {
  return look(stat, path);
}

/** The same of a symbolic link itself. */
export function lstatIfPresent(path: string): Promise<Stats | undefined> {
  return look(lstat, path);
}

type Look = (path: string, done: (error: NodeJS.ErrnoException | null, stats: Stats) => void) => void;

function look(by: Look, path: string): Promise<Stats | undefined> {
  return new Promise((resolve, reject) => {
    by(path, (error, stats) => {
      if (error === null) resolve(stats);
      else if (isAbsent(error)) resolve(undefined);
      else reject(error);
    });
  });
}

/** Whether two looks saw the same version of a file or directory, as git's stat validity tells it. */
export function isSameVersion(a: Stats, b: Stats): boolean {
  return (
    a.mtimeMs === b.mtimeMs &&
    a.ctimeMs === b.ctimeMs &&
    a.size === b.size &&
    a.ino === b.ino &&
    a.dev === b.dev
  );
}

/** Whether a version, looked at just now, was not so young that a change since could leave its times alone. */
export function isSettled({ ctimeMs }: Stats): boolean {
  return Date.now() - ctimeMs > SETTLED_MS;
}
