import { spawnSync } from "node:child_process";
import { fileURLToPath } from "node:url";
import { gitEnvironment } from "./git.ts";

/** A git that knows ref tables, as `scripts/newer-git.js` finds one; `why` tells where there is none. */
export interface NewerGit {
  readonly path: string | undefined;
  readonly why: string;
}

/** Looks for that git, and puts it beside the system where Debian's packages can be had. */
export function findNewerGit(): NewerGit {
  const script = fileURLToPath(new URL("../../../scripts/newer-git.js", import.meta.url));
  const { stdout, stderr } = spawnSync(process.execPath, [script], { encoding: "utf8" });
  const path = stdout.trim();
  return { path: path === "" ? undefined : path, why: `${stderr.trim()}; MILLRACE_NEWER_GIT may name one` };
}

/** Runs it in a directory, away from the user's configuration; throws where it fails. */
export function runNewerGit(path: string, cwd: string, args: readonly string[], input = ""): string {
  const run = spawnSync(path, args, {
    cwd,
    input,
    encoding: "utf8",
    env: gitEnvironment(),
    maxBuffer: 2 ** 26,
  });
  if (run.error) throw run.error;
  if (run.status !== 0) throw new Error(`git ${args.join(" ")}: ${run.stderr.slice(0, 2000)}`);
  return run.stdout;
}
