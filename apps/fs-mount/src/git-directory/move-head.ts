import { copyFile, rename, rm, stat } from "node:fs/promises";
import { join } from "node:path";
import type { Oid } from "@millrace/pack";
import { z } from "zod";
import { MountError } from "../errors.ts";
import { readState, writeState } from "../state-file.ts";
import { IndexLock } from "./index-lock.ts";
import { runGit } from "./run-git.ts";

/** Where HEAD of a git directory that was brought is to lead. */
export interface HeadMove {
  readonly path: string;
  /** The branch, by its full name; `undefined` where HEAD is to name the commit. */
  readonly branch: string | undefined;
  readonly commit: Oid;
  /** For the logs of the refs. */
  readonly reason: string;
  readonly signal?: AbortSignal | undefined;
}

/** What is under way, once the index is ready: from then on it is done, by the next mount if not by this one. */
interface Moving {
  readonly branch?: string | undefined;
  readonly commit: string;
}
const Moving: z.ZodType<Moving> = z.object({ branch: z.string().optional(), commit: z.string() });

const RECORD = "millrace-moving.json";
/** The index that is to be. */
const NEXT_INDEX = "millrace-next-index";

/**
 * Moves HEAD and its branch as `git pull --ff-only` does, without files: a branch that is behind goes ahead, one that is ahead stays,
 * and what is staged stays staged (git-read-tree, "Two Tree Merge"). All moves or nothing.
 * @returns the commit that HEAD leads to
 * @throws MountError MOUNT_NOT_FAST_FORWARD, MOUNT_INDEX_CONFLICT; MOUNT_PREPARED_REFUSED where somebody has the index locked, or the
 *   branch in another working tree; MOUNT_GIT_FAILED where git cannot move a ref; `signal.reason`
 */
export async function moveHead({ path, branch, commit, reason, signal }: HeadMove): Promise<Oid> {
  const refs = new Refs(path, signal);
  const [head, headBranch] = [await refs.at("HEAD^{commit}"), await refs.branchOfHead()];
  const old = branch === undefined ? head : await refs.at(branch);
  const to = branch === undefined || old === undefined ? commit : await refs.newer(branch, old, commit);
  if (headBranch === branch && head === to) return to;
  if (branch !== undefined && branch !== headBranch) await refs.wantNotElsewhere(branch);
  const lock = await IndexLock.take(path);
  try {
    const next = head === to ? undefined : await nextIndex(path, head, to, signal);
    signal?.throwIfAborted();
    // From here on nobody breaks it off.
    const moves = new Refs(path, undefined);
    try {
      if (next !== undefined) writeState(join(path, RECORD), { branch, commit: to } satisfies Moving);
      if (branch === undefined) await moves.detach(to, head, reason);
      else {
        if (old !== to) await moves.update(branch, to, old, reason);
        try {
          if (branch !== headBranch) await moves.nameInHead(branch, reason);
        } catch (error) {
          if (old !== to) await moves.putBack(branch, to, old);
          throw error;
        }
      }
      if (next !== undefined) await rename(next, join(path, "index"));
    } finally {
      await dropNext(path);
    }
  } finally {
    await lock.release();
  }
  return to;
}

/**
 * Ends what a mount that was killed has begun: where the refs have moved, the index follows, unless somebody has been at work since; else
 * nothing has happened. Its lock stays until `giveBack`. Throws MountError MOUNT_BAD_STATE, MOUNT_GIT_FAILED; what the disk says.
 */
export async function endMove(path: string): Promise<void> {
  const moving = readState(join(path, RECORD), Moving);
  if (moving !== undefined && (await IndexLock.isLeft(path))) {
    const { branch, commit } = moving;
    const refs = new Refs(path, undefined);
    const isMoved = (await refs.at(branch ?? "HEAD^{commit}")) === commit;
    if (isMoved && branch !== undefined) await refs.nameInHead(branch, "mount: of what was begun");
    if (isMoved) await rename(join(path, NEXT_INDEX), join(path, "index")).catch(ifThere);
  }
  await dropNext(path);
}

async function dropNext(path: string): Promise<void> {
  await rm(join(path, RECORD), { force: true });
  await rm(join(path, NEXT_INDEX), { force: true });
}

/** The index as it is beside another commit; `undefined` where there is none. */
async function nextIndex(
  path: string,
  head: Oid | undefined,
  to: Oid,
  signal: AbortSignal | undefined,
): Promise<string | undefined> {
  const index = join(path, "index");
  if ((await stat(index).catch(ifThere)) === undefined) return undefined;
  const next = join(path, NEXT_INDEX);
  try {
    await copyFile(index, next);
    const from = head ?? (await emptyTree(path, signal));
    // No working tree is looked at. A clone without trees fetches those that it compares.
    const environment = { GIT_INDEX_FILE: next, GIT_NO_LAZY_FETCH: "0" };
    await runGit({ path, args: ["read-tree", "-i", "-m", from, to], environment, signal });
    return next;
  } catch (error) {
    await rm(next, { force: true });
    if ((error as { readonly code?: unknown }).code !== "MOUNT_GIT_FAILED") throw error;
    const why = `what is staged in ${path} does not go with ${to}: ${(error as Error).message}`;
    throw new MountError("MOUNT_INDEX_CONFLICT", why, { oid: to, cause: error });
  }
}

/** What stands for a branch without a commit. */
async function emptyTree(path: string, signal: AbortSignal | undefined): Promise<Oid> {
  return (await runGit({ path, args: ["hash-object", "-t", "tree", "--stdin"], signal })).trim();
}

function ifThere(error: NodeJS.ErrnoException): undefined {
  if (error.code !== "ENOENT") throw error;
}

/** The refs, as git reads and moves them. */
class Refs {
  readonly #path: string;
  readonly #signal: AbortSignal | undefined;

  constructor(path: string, signal: AbortSignal | undefined) {
    this.#path = path;
    this.#signal = signal;
  }

  /** Where a name leads; `undefined` where there is none. */
  async at(name: string): Promise<Oid | undefined> {
    return (await this.#ask("rev-parse", "--verify", "--quiet", name).catch(nothing)) || undefined;
  }

  async branchOfHead(): Promise<string | undefined> {
    return (await this.#ask("symbolic-ref", "--quiet", "HEAD").catch(nothing)) || undefined;
  }

  /** The one of two that has the other behind it. */
  async newer(branch: string, old: Oid, commit: Oid): Promise<Oid> {
    if (await this.#isBehind(old, commit)) return commit;
    if (await this.#isBehind(commit, old)) return old;
    const why = `${branch} is ${old} and does not lead to ${commit}: rebase or rename it first`;
    throw new MountError("MOUNT_NOT_FAST_FORWARD", why, { oid: commit });
  }

  /** A branch that somebody has checked out in another working tree is not moved under their feet. */
  async wantNotElsewhere(branch: string): Promise<void> {
    const where = await this.#ask("for-each-ref", "--format=%(worktreepath)", branch);
    if (where === "") return;
    throw new MountError("MOUNT_PREPARED_REFUSED", `${branch} is checked out at ${where}`);
  }

  async update(branch: string, to: Oid, old: Oid | undefined, reason: string): Promise<void> {
    await this.#ask("update-ref", "-m", reason, branch, to, old ?? "0".repeat(to.length));
  }

  /** Undoes that. */
  async putBack(branch: string, to: Oid, old: Oid | undefined): Promise<void> {
    if (old === undefined) await this.#ask("update-ref", "-d", branch, to);
    else await this.#ask("update-ref", branch, old, to);
  }

  async detach(to: Oid, old: Oid | undefined, reason: string): Promise<void> {
    await this.#ask(
      "update-ref",
      "--no-deref",
      "-m",
      reason,
      "HEAD",
      to,
      ...(old === undefined ? [] : [old]),
    );
  }

  async nameInHead(branch: string, reason: string): Promise<void> {
    await this.#ask("symbolic-ref", "-m", reason, "HEAD", branch);
  }

  async #isBehind(one: Oid, other: Oid): Promise<boolean> {
    return (await this.#ask("rev-list", "-n", "1", one, `^${other}`, "--")) === "";
  }

  async #ask(...args: string[]): Promise<string> {
    return (await runGit({ path: this.#path, args, signal: this.#signal })).trim();
  }
}

/** What is not there is no fault: git says so by its status. */
function nothing(error: unknown): undefined {
  if ((error as { readonly code?: unknown }).code !== "MOUNT_GIT_FAILED") throw error;
}
