import { access, constants } from "node:fs/promises";
import { delimiter } from "node:path";
import type { UpdateWorkTree, WorkTreeRefusal, WorkTreeUpdate } from "@millrace/storage-fs";
import { type GitRun, runGit } from "./run-git.ts";

/**
 * Makes the function that brings a working tree to a pushed commit with the installed git, in the steps and with the
 * words of git receive-pack (`push_to_deploy`): the index and the files must be as HEAD has them. `environment` is what
 * git runs with; variables that name another repository are left out.
 */
export function createWorkTreeUpdater(environment: NodeJS.ProcessEnv): UpdateWorkTree {
  const inherited = withoutRepository(environment);
  return (update) =>
    deploy(update, {
      ...inherited,
      GIT_DIR: update.gitDir,
      GIT_ALTERNATE_OBJECT_DIRECTORIES: update.objectDirectories.map(quoted).join(delimiter),
    });
}

async function deploy(
  { path, commit, isUnborn, signal }: WorkTreeUpdate,
  env: NodeJS.ProcessEnv,
): Promise<WorkTreeRefusal | undefined> {
  const git = (...args: string[]): Promise<GitRun> => runGit(args, { cwd: path, env });
  // It was moved or removed by hand.
  if (!(await isAccessible(path))) return { reason: "Up-to-date check failed" };
  const hook = await git("rev-parse", "--git-path", "hooks/push-to-checkout");
  if (hook.status === undefined) {
    return { reason: "denyCurrentBranch = updateInstead needs git, which is not installed here" };
  }
  if (hook.status === 0 && (await isAccessible(hook.stdout.trim()))) {
    return { reason: "push-to-checkout hooks are not run here" };
  }
  const base = isUnborn ? (await git("hash-object", "-t", "tree", "/dev/null")).stdout.trim() : "HEAD";
  const steps: readonly (readonly [reason: string, ...args: string[]])[] = [
    ["Up-to-date check failed", "update-index", "-q", "--ignore-submodules", "--refresh"],
    ["Working directory has unstaged changes", "diff-files", "--quiet", "--ignore-submodules", "--"],
    [
      "Working directory has staged changes",
      "diff-index",
      "--quiet",
      "--cached",
      "--ignore-submodules",
      base,
      "--",
    ],
    ["Could not update working tree to new HEAD", "read-tree", "-u", "-m", commit],
  ];
  for (const [reason, ...args] of steps) {
    signal?.throwIfAborted();
    const { status, said } = await git(...args);
    if (status !== 0) return { reason, details: said.split("\n").filter(Boolean) };
  }
  return undefined;
}

/** Whether a file can be run, or a directory be gone into. */
async function isAccessible(path: string): Promise<boolean> {
  try {
    await access(path, constants.X_OK);
    return true;
  } catch {
    return false;
  }
}

/** A path in a list of paths (git, GIT_ALTERNATE_OBJECT_DIRECTORIES). */
function quoted(path: string): string {
  return path.startsWith('"') || path.includes(delimiter) || path.includes("\n")
    ? `"${path.replace(/["\\]/g, "\\$&").replaceAll("\n", "\\n")}"`
    : path;
}

/** As `git rev-parse --local-env-vars` has them. */
const LOCAL = new Set([
  "GIT_ALTERNATE_OBJECT_DIRECTORIES",
  "GIT_COMMON_DIR",
  "GIT_CONFIG",
  "GIT_CONFIG_COUNT",
  "GIT_CONFIG_PARAMETERS",
  "GIT_DIR",
  "GIT_GRAFT_FILE",
  "GIT_IMPLICIT_WORK_TREE",
  "GIT_INDEX_FILE",
  "GIT_INTERNAL_SUPER_PREFIX",
  "GIT_NO_REPLACE_OBJECTS",
  "GIT_OBJECT_DIRECTORY",
  "GIT_PREFIX",
  "GIT_QUARANTINE_PATH",
  "GIT_REPLACE_REF_BASE",
  "GIT_SHALLOW_FILE",
  "GIT_WORK_TREE",
]);

function withoutRepository(environment: NodeJS.ProcessEnv): NodeJS.ProcessEnv {
  return Object.fromEntries(Object.entries(environment).filter(([name]) => !LOCAL.has(name)));
}
