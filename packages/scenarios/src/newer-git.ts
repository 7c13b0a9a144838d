import { dirname, join } from "node:path";
import * as lab from "@millrace/git-lab";
import { gitEnvironment } from "./git.ts";

/** A git that knows ref tables. */
export interface NewerGit {
  /** Why there is none, in which case nothing of it can be run. */
  readonly missing: string | undefined;
  /** Runs it and returns its output. Throws where it fails. */
  run(cwd: string, args: readonly string[]): string;
  /** The program of it that a client may be told to run in place of its own. */
  program(service: "git-upload-pack" | "git-receive-pack"): string;
}

/** Finds that git as `scripts/newer-git.js` does. */
export function findNewerGit(): NewerGit {
  const { path = "", why } = lab.findNewerGit();
  const run = (cwd: string, args: readonly string[]): string => {
    const env = { ...gitEnvironment };
    const { status, stdout, stderr } = lab.runSync(path, args, { cwd, env });
    if (status !== 0) throw new Error(`git ${args.join(" ")}: ${stderr.toString()}`);
    return stdout.toString();
  };
  return {
    missing: path === "" ? why : undefined,
    run,
    program: (service) =>
      join(path.includes("/") ? dirname(path) : run("/", ["--exec-path"]).trim(), service),
  };
}
