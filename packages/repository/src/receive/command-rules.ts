import type { Oid } from "@millrace/pack";
import { type Snapshot, checkRefName } from "@millrace/storage";

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
  readonly message: string;
}

/** What the rules look at besides the command itself. */
export interface RuleContext {
  /** The ref that HEAD names. */
  readonly headTarget: string | undefined;
  readonly config: ReadonlyMap<string, readonly string[]>;
}

/** Reads what the rules need from the view that a push is about to be committed on. */
export async function ruleContext(view: Snapshot): Promise<RuleContext> {
  const [head, config] = [await view.head(), await view.config()];
  return { headTarget: head.symref, config };
}

/**
 * git receive-pack's rules about names, deletions and checked-out branches (git-config, `receive.*`), with its words;
 * `undefined` where the command may go on.
 */
export function refuseCommand(command: RefCommand, { headTarget, config }: RuleContext): Refusal | undefined {
  const { name } = command;
  const deletes = command.new === null;
  if (!name.startsWith("refs/") || !checkRefName(name.slice("refs/".length), { allowOneLevel: deletes })) {
    return {
      reason: "funny refname",
      message: `error: refusing to ${deletes ? "delete" : "create"} funny ref '${name}' remotely`,
    };
  }
  if (!deletes) {
    return name === headTarget && isNonBare(config) && !allowsCurrentBranch(config)
      ? {
          reason: "branch is currently checked out",
          message: `error: refusing to update checked out branch: ${name}`,
        }
      : undefined;
  }
  if (isTrue(lastValue(config, "receive.denydeletes")) && name.startsWith("refs/heads/")) {
    return { reason: "deletion prohibited", message: `error: denying ref deletion for ${name}` };
  }
  if (name === headTarget && !allowsDeletingCurrent(config)) {
    return {
      reason: "deletion of the current branch prohibited",
      message: `error: refusing to delete the current branch: ${name}`,
    };
  }
  return undefined;
}

function lastValue(config: RuleContext["config"], key: string): string | undefined {
  return config.get(key)?.at(-1);
}

function isTrue(value: string | undefined): boolean {
  return value !== undefined && /^(?:|true|yes|on|[1-9]\d*)$/i.test(value);
}

function isFalse(value: string | undefined): boolean {
  return value !== undefined && /^(?:false|no|off|0)$/i.test(value);
}

function isNonBare(config: RuleContext["config"]): boolean {
  return isFalse(lastValue(config, "core.bare"));
}

function allowsCurrentBranch(config: RuleContext["config"]): boolean {
  const value = lastValue(config, "receive.denycurrentbranch");
  return isFalse(value) || value === "ignore" || value === "warn";
}

function allowsDeletingCurrent(config: RuleContext["config"]): boolean {
  const value = lastValue(config, "receive.denydeletecurrent");
  return isFalse(value) || value === "ignore" || value === "warn";
}
