import { fileURLToPath } from "node:url";
import { gitEnvironment } from "./git.ts";
import { runSync } from "./run/run.ts";

/** A git that knows ref tables, as `scripts/newer-git.js` finds one; `why` tells where there is none. */
export interface NewerGit {
  readonly path: string | undefined;
  readonly why: string;
}

/** Looks for that git, and puts it beside the system where Debian's packages can be had. */
export function findNewerGit(): NewerGit {
  const script = fileURLToPath(new URL("../../../scripts/newer-git.js", import.meta.url));
  const { stdout, stderr } = runSync(process.execPath, [script]);
  const path = stdout.toString().trim();
  const why = `${stderr.toString().trim()}; MILLRACE_NEWER_GIT may name one`;
  return { path: path === "" ? undefined : path, why };
}

/** Runs it in a directory, away from the user's configuration; throws where it fails. */
export function runNewerGit(path: string, cwd: string, args: readonly string[], input = ""): string {
  const { status, stdout, stderr } = runSync(path, args, { cwd, input, env: gitEnvironment() });
  if (status !== 0) throw new Error(`git ${args.join(" ")}: ${stderr.toString().slice(0, 2000)}`);
  return stdout.toString();
}
