import { existsSync, readdirSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { join } from "node:path";

/** Those of `index` itself, and of the others that `commit` and `stash` work with. */
const LOCK = /^(?:next-)?index.*\.lock$/;

/**
 * Whether a program that asks for objects may be about to write trees, which names objects and does not read them: somebody holds git's
 * lock on an index, as all do who write one, or it is `git commit`, which looks once more when it has given that up. Nobody does so who
 * only reads, packs or checks objects: those are to know what is not here.
 * @param pid 0 where it is not known
 * @throws errors of `node:fs`
 */
export function mayWriteTrees(gitDirectory: string, pid: number): boolean | Promise<boolean> {
  // Mostly it is this one, which is quicker to look for.
  if (existsSync(join(gitDirectory, "index.lock"))) return true;
  if (readdirSync(gitDirectory).some((name) => LOCK.test(name))) return true;
  return pid !== 0 && isCommit(pid);
}

/** A program that has ended is none. It is not read synchronously: a process that waits for this one could hold that up. */
async function isCommit(pid: number): Promise<boolean> {
  const line = await readFile(`/proc/${pid}/cmdline`, "latin1").catch(() => "");
  const [program = "", ...args] = line.split("\0");
  const name = program.slice(program.lastIndexOf("/") + 1);
  return name === "git-commit" || (name === "git" && args.includes("commit"));
}
