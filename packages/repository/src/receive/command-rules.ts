import type { Oid } from "@millrace/pack";
import { checkRefName } from "@millrace/storage";
import type { ReceiveRules } from "../policy/receive-rules.ts";

/** One line of a push: what a ref was seen to be and what it is to become; `null` is absent. */
export interface RefCommand {
  readonly name: string;
  readonly old: Oid | null;
  readonly new: Oid | null;
}

/** A command that was refused before any ref moved. */
export interface Refusal {
  /** The words behind `ng <ref> `, as git has them. */
  readonly reason: string;
  /** What the user is told besides. */
  readonly message?: string | undefined;
}

/**
 * git receive-pack's rules about names, hidden refs, deletions and checked-out branches (git-config, `receive.*`),
 * with its words; `undefined` where the command may go on.
 */
export function refuseCommand(command: RefCommand, rules: ReceiveRules): Refusal | undefined {
  const { name } = command;
  const deletes = command.new === null;
  if (rules.isHidden?.(name) === true) {
    return { reason: `deny ${deletes ? "deleting" : "updating"} a hidden ref` };
  }
  if (!name.startsWith("refs/") || !checkRefName(name.slice("refs/".length), { allowOneLevel: deletes })) {
    return {
      reason: "funny refname",
      message: `error: refusing to ${deletes ? "delete" : "create"} funny ref '${name}' remotely`,
    };
  }
  return deletes ? refuseDeletion(name, rules) : refuseUpdate(name, rules);
}

function refuseUpdate(name: string, rules: ReceiveRules): Refusal | undefined {
  if (!rules.checkedOut.has(name)) return undefined;
  return {
    reason: "branch is currently checked out",
    message: `error: refusing to update checked out branch: ${name}`,
  };
}

function refuseDeletion(name: string, rules: ReceiveRules): Refusal | undefined {
  if (rules.denyDeletes && name.startsWith("refs/heads/")) {
    return { reason: "deletion prohibited", message: `error: denying ref deletion for ${name}` };
  }
  if (name === rules.headTarget && rules.denyDeleteCurrent) {
    return {
      reason: "deletion of the current branch prohibited",
      message: `error: refusing to delete the current branch: ${name}`,
    };
  }
  return undefined;
}
