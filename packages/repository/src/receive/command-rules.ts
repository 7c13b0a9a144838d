import type { Oid } from "@millrace/pack";
import { checkRefName } from "@millrace/storage";
import type { ReceiveRules } from "../policy/receive-rules.ts";

/** One line of a push: what a ref was seen to be and what it is to become; `null` is absent. */
export interface RefCommand {
  readonly name: string;
  readonly old: Oid | null;
  readonly new: Oid | null;
}

/** What the rules say of a command before any ref moves. */
export interface Judgement {
  /** Refused: the words behind `ng <ref> `, as git has them. */
  readonly reason?: string | undefined;
  /** What the user is told besides, refused or not. */
  readonly messages: readonly string[];
  /** The working tree that has the branch checked out is to follow. */
  readonly updateWorkTree?: boolean | undefined;
}

/**
 * git receive-pack's rules about names, hidden refs, deletions and checked-out branches (git-config, `receive.*`), in
 * its order and with its words.
 */
export function judgeCommand(command: RefCommand, rules: ReceiveRules): Judgement {
  const { name } = command;
  const deletes = command.new === null;
  if (rules.isHidden?.(name) === true) {
    return { reason: `deny ${deletes ? "deleting" : "updating"} a hidden ref`, messages: [] };
  }
  if (!name.startsWith("refs/") || !checkRefName(name.slice("refs/".length), { allowOneLevel: deletes })) {
    return {
      reason: "funny refname",
      messages: [`error: refusing to create funny ref '${name}' remotely`],
    };
  }
  const update = judgeCheckedOut(name, rules);
  if (update.reason !== undefined || !deletes) return update;
  const deletion = judgeDeletion(name, rules);
  return { ...update, ...deletion, messages: [...update.messages, ...deletion.messages] };
}

/** A branch that moves under a working tree, be it that it goes. */
function judgeCheckedOut(name: string, { checkedOut, denyCurrentBranch }: ReceiveRules): Judgement {
  if (!checkedOut.has(name)) return { messages: [] };
  if (denyCurrentBranch === "ignore") return { messages: [] };
  if (denyCurrentBranch === "warn") return { messages: ["warning: updating the current branch"] };
  if (denyCurrentBranch === "updateInstead") return { messages: [], updateWorkTree: true };
  const messages = [`error: refusing to update checked out branch: ${name}`];
  if (denyCurrentBranch === "unconfigured") messages.push(`error: ${ABOUT_UPDATING}`);
  return { reason: "branch is currently checked out", messages };
}

function judgeDeletion(
  name: string,
  { denyDeletes, denyDeleteCurrent, headTarget, checkedOut }: ReceiveRules,
): Judgement {
  if (denyDeletes && name.startsWith("refs/heads/")) {
    return { reason: "deletion prohibited", messages: [`error: denying ref deletion for ${name}`] };
  }
  if (name !== headTarget && !checkedOut.has(name)) return { messages: [] };
  if (denyDeleteCurrent === "ignore") return { messages: [] };
  if (denyDeleteCurrent === "warn") return { messages: ["warning: deleting the current branch"] };
  const messages = denyDeleteCurrent === "unconfigured" ? [`error: ${ABOUT_DELETING}`] : [];
  messages.push(`error: refusing to delete the current branch: ${name}`);
  return { reason: "deletion of the current branch prohibited", messages };
}

/** git's advice where the configuration says nothing. */
const ABOUT_UPDATING = `By default, updating the current branch in a non-bare repository
is denied, because it will make the index and work tree inconsistent
with what you pushed, and will require 'git reset --hard' to match
the work tree to HEAD.

You can set the 'receive.denyCurrentBranch' configuration variable
to 'ignore' or 'warn' in the remote repository to allow pushing into
its current branch; however, this is not recommended unless you
arranged to update its work tree to match what you pushed in some
other way.

To squelch this message and still keep the default behaviour, set
'receive.denyCurrentBranch' configuration variable to 'refuse'.`;

const ABOUT_DELETING = `By default, deleting the current branch is denied, because the next
'git clone' won't result in any file checked out, causing confusion.

You can set 'receive.denyDeleteCurrent' configuration variable to
'warn' or 'ignore' in the remote repository to allow deleting the
current branch, with or without a warning message.

To squelch this message, you can set it to 'refuse'.`;
