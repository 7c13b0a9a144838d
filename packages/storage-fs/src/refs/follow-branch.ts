import { zeroOid, type OperationOptions } from "@millrace/pack";
import { NO_WORK_TREE, type RefRejection, refuse } from "@millrace/storage";
import type { FsRepository } from "../fs-repository.ts";
import { findWorkTree } from "./checked-out.ts";
import { followSymref, readRawHead } from "./loose-ref.ts";
import type { RefChange } from "./ref-change.ts";

/** What working trees are updated from. */
export interface FollowOptions extends OperationOptions {
  /** Where objects lie that nobody sees yet. */
  readonly quarantines: readonly string[];
}

/** Has the working tree of a branch follow where that is asked for; refuses the change where it cannot. */
export async function followBranch(
  repository: FsRepository,
  change: Pick<RefChange, "update" | "refusal">,
  { quarantines, signal }: FollowOptions,
): Promise<void> {
  const { name, new: next, updateWorkTree } = change.update;
  if (updateWorkTree !== true) return;
  const tree = await findWorkTree(repository, name);
  if (tree === undefined) {
    change.refusal = denied(name, NO_WORK_TREE);
    return;
  }
  const update = repository.settings.updateWorkTree;
  if (update === undefined) {
    change.refusal = denied(
      name,
      "denyCurrentBranch = updateInstead needs git, which this server does not run",
    );
    return;
  }
  const refusal = await update({
    gitDir: tree.repository.place.gitDir,
    path: tree.path,
    commit: next ?? zeroOid(repository.objectFormat),
    isUnborn: await isUnborn(tree.repository),
    objectDirectories: quarantines,
    signal,
  });
  if (refusal !== undefined) change.refusal = denied(name, refusal.reason, refusal.details);
}

function denied(name: string, reason: string, details: readonly string[] = []): RefRejection {
  return { ...refuse(name, "REF_DENIED", reason), details };
}

async function isUnborn(repository: FsRepository): Promise<boolean> {
  const raw = await readRawHead(repository);
  if (raw === undefined) return true;
  return (await followSymref(repository, "HEAD", { raw }))?.found === undefined;
}
