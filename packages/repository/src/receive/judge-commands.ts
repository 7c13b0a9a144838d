import { type Oid, oidToBytes, PackError } from "@millrace/pack";
import type { ObjectReader } from "../objects/object-view.ts";
import { peelTag } from "../walk/reaches-common.ts";
import { isAncestor } from "../walk/is-ancestor.ts";
import { type Judgement, type RefCommand, judgeCommand } from "./command-rules.ts";
import type { ConnectedBase } from "./connectivity.ts";
import type { PushState } from "./push-state.ts";

/** Holds each command that is not refused yet to the repository's rules. */
export async function judgeCommands(
  push: PushState,
  reader: ObjectReader,
  base: ConnectedBase,
): Promise<void> {
  const { messages, refused, followed, rules } = push;
  for (const command of push.commands) {
    if (refused.has(command)) continue;
    const judged = judgeCommand(command, rules);
    messages.push(...judged.messages);
    if (judged.updateWorkTree === true) followed.add(command);
    const branch = judged.reason === undefined ? await judgeBranch(push, command, reader, base) : ACCEPTED;
    messages.push(...branch.messages);
    const reason = judged.reason ?? branch.reason;
    if (reason !== undefined) refused.set(command, reason);
    else if (command.new === null) await judgeAbsence(push, command, reader);
    else {
      const peeled = await peel(command.name, command.new, reader);
      if (peeled !== undefined) push.peeled.set(command, peeled);
    }
  }
}

/** What a ref peels to; `undefined` for a tag that does not parse. What branches point to is known to be a commit by now. */
async function peel(name: string, oid: Oid, reader: ObjectReader): Promise<Oid | null | undefined> {
  if (name.startsWith("refs/heads/")) return null;
  try {
    const target = await peelTag(reader, oid);
    return target === oid ? null : target;
  } catch (error) {
    if (error instanceof PackError) return undefined;
    throw error;
  }
}

/** A deletion by an id that nobody has is taken for one of whatever is there. */
async function judgeAbsence(push: PushState, command: RefCommand, reader: ObjectReader): Promise<void> {
  const { old, name } = command;
  if (old !== null && (await reader.has(oidToBytes(old)))) return;
  if ((await push.snapshot.ref(name)) === undefined) {
    push.absent.add(command);
    push.messages.push("warning: deleting a non-existent ref");
  } else if (old === null) push.messages.push("warning: allowing deletion of corrupt ref");
}

const ACCEPTED: Judgement = { messages: [] };

/** The rules that look at what a branch points to. */
async function judgeBranch(
  { rules, cuts }: PushState,
  command: RefCommand,
  reader: ObjectReader,
  base: ConnectedBase,
): Promise<Judgement> {
  const { name, old, new: oid } = command;
  if (oid === null || !name.startsWith("refs/heads/")) return ACCEPTED;
  if ((await reader.info(oidToBytes(oid)))?.type !== "commit") {
    const why = `trying to write non-commit object ${oid} to branch '${name}'`;
    return { reason: "failed to update ref", messages: [`error: cannot update ref '${name}': ${why}`] };
  }
  if (!rules.denyNonFastForwards || old === null) return ACCEPTED;
  if ((await reader.info(oidToBytes(old)))?.type !== "commit") return { reason: "bad ref", messages: [] };
  const shallow = [...(base.shallow ?? []), ...(cuts.get(command)?.needed ?? [])];
  if (await isAncestor(reader, old, oid, { shallow, signal: base.signal })) return ACCEPTED;
  return {
    reason: "non-fast-forward",
    messages: [`error: denying non-fast-forward ${name} (you should pull first)`],
  };
}
