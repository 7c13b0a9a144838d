import type { Oid } from "@millrace/pack";
import type { CommitResult, RefRejection, RepositoryStore, Snapshot, Stage } from "@millrace/storage";
import { readReceiveRules } from "../policy/receive-rules.ts";
import type { ReceivePolicy } from "../schema.ts";
import { type RefCommand, judgeCommand } from "./command-rules.ts";
import type { PushState } from "./push-state.ts";
import { type OnReceived, type ReceivedPush, receivedPush } from "./received-push.ts";

/** Where an accepted push goes. */
export interface CommitTarget {
  readonly store: RepositoryStore;
  readonly policy: ReceivePolicy;
  /** The repository is being created by this push: HEAD becomes the pushed branch. */
  readonly isNew: boolean;
  /** The pack, sealed. */
  readonly stage: Stage | undefined;
  readonly onReceived?: OnReceived | undefined;
}

/**
 * Commits what is not refused, pack and refs in one step; what the store refuses is refused then. `false` where the push
 * has to be judged again, since objects have been dropped.
 */
export async function commitPush(push: PushState, target: CommitTarget): Promise<boolean> {
  const { commands, atomic, refused, cuts, followed, signal } = push;
  if (atomic && refused.size > 0) refuseRest(commands, refused, "atomic push failure");
  const open = commands.filter((command) => !refused.has(command));
  if (open.length === 0) return true;
  const { onReceived } = target;
  /** What moves, of these names. */
  const receivedOf = (moved: readonly { readonly name: string }[]): ReceivedPush => {
    const names = new Set(moved.map(({ name }) => name));
    return receivedPush(open.filter((command) => names.has(command.name) && !push.absent.has(command)));
  };
  const result = await target.store.commit(
    {
      add: target.stage === undefined ? [] : [target.stage],
      refs: open.map((command) => ({
        name: command.name,
        old: expectedOld(command, push),
        new: command.new,
        peeled: push.peeled.get(command),
        updateWorkTree: followed.has(command),
      })),
      shallow: open.flatMap((command) => cuts.get(command)?.needed ?? []),
      symrefs: target.isNew ? headFor(open) : [],
      atomic,
      provedOn: push.snapshot.token,
      message: "push",
      check: (view) => judgeAgain(open, view, push, target.policy),
      notice: onReceived === undefined ? undefined : (moved) => JSON.stringify(receivedOf(moved)),
    },
    { signal },
  );
  takeOutcome(push, open, result);
  const received = receivedOf(open.filter((_, i) => result.refs[i] === undefined));
  if (received.refCount > 0) onReceived?.(received, result.noticeId);
  return !result.refs.some((rejection) => rejection?.code === "REVALIDATE");
}

/** Deleting what is not there is a warning and no fault, whatever it is said to be. */
function expectedOld(command: RefCommand, { absent }: PushState): Oid | null | undefined {
  if (absent.has(command)) return null;
  return command.old === null && command.new === null ? undefined : command.old;
}

/** Runs the rules again on the view that is about to be committed on: HEAD may have moved since. */
async function judgeAgain(
  commands: readonly RefCommand[],
  view: Snapshot,
  { followed }: PushState,
  policy: ReceivePolicy,
): Promise<RefRejection[]> {
  const rules = await readReceiveRules(view, policy);
  return commands.flatMap((command): RefRejection[] => {
    const { reason, updateWorkTree = false } = judgeCommand(command, rules);
    // A branch that was checked out meanwhile: nothing has been asked to follow it.
    const isLeft = updateWorkTree && !followed.has(command);
    const message = reason ?? (isLeft ? "branch is currently checked out" : undefined);
    return message === undefined ? [] : [{ name: command.name, code: "REF_DENIED", message }];
  });
}

function takeOutcome(
  { atomic, messages, refused, commands }: PushState,
  open: readonly RefCommand[],
  result: CommitResult,
): void {
  let isDenied = false;
  for (const [i, command] of open.entries()) {
    const rejection = result.refs[i];
    if (rejection === undefined || rejection.code === "REF_ATOMIC_ABORTED") continue;
    const { code, message, details = [] } = rejection;
    messages.push(...details);
    isDenied ||= code === "REF_DENIED";
    if (code === "REF_DENIED") refused.set(command, message);
    else {
      messages.push(`error: cannot lock ref '${command.name}': ${message}`);
      if (!atomic) refused.set(command, "failed to update ref");
    }
  }
  if (!atomic || result.refs.every((rejection) => rejection === undefined)) return;
  // git judges all before it begins the transaction.
  refuseRest(commands, refused, isDenied ? "atomic push failure" : "atomic transaction failed");
}

function refuseRest(commands: readonly RefCommand[], refused: Map<RefCommand, string>, reason: string): void {
  for (const command of commands) if (!refused.has(command)) refused.set(command, reason);
}

/** HEAD of a repository that a push creates: `main`, `master`, else the first branch pushed. */
function headFor(commands: readonly RefCommand[]): { readonly name: string; readonly target: string }[] {
  const branches = commands.map(({ name }) => name).filter((name) => name.startsWith("refs/heads/"));
  const target =
    ["refs/heads/main", "refs/heads/master"].find((name) => branches.includes(name)) ?? branches[0];
  return target === undefined ? [] : [{ name: "HEAD", target }];
}
