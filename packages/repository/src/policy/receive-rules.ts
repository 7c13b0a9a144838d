import type { PackLimits } from "@millrace/pack";
import {
  booleanValue,
  integerValue,
  lastValue,
  type RepositoryConfig,
  type Snapshot,
} from "@millrace/storage";
import { type IsHidden, hiddenRefs } from "../refs/hidden-refs.ts";
import type { ReceivePolicy } from "../schema.ts";
import { type FsckRules, readFsckRules } from "./fsck-rules.ts";
import { readSessionId } from "./upload-pack-rules.ts";

/** What to do about a push into a branch that is in use (git-config, `receive.denyCurrentBranch`, `receive.denyDeleteCurrent`). */
export type DenyAction = "ignore" | "warn" | "refuse" | "updateInstead" | "unconfigured";

/** What a push is held to: the server's policy, and over it what the repository's own configuration says. */
export interface ReceiveRules {
  /** The ref that HEAD names. */
  readonly headTarget: string | undefined;
  readonly isHidden: IsHidden | undefined;
  readonly denyDeletes: boolean;
  readonly denyNonFastForwards: boolean;
  /** About the deletion of a branch that HEAD names, or that is checked out. */
  readonly denyDeleteCurrent: DenyAction;
  /** About moving a branch that is checked out. */
  readonly denyCurrentBranch: DenyAction;
  /** Branches that a working tree has checked out. */
  readonly checkedOut: ReadonlySet<string>;
  /** Whether a push may make the repository shallow. */
  readonly shallowUpdate: boolean;
  /** What one pack may cost. */
  readonly limits: PackLimits;
  readonly fsck: FsckRules;
  /** git unpacks packs of fewer objects, and says so where one is broken. */
  readonly unpackLimit: number;
}

/** What a repository offers to those who push. */
export interface ReceiveOffer {
  readonly pushOptions: boolean;
  readonly sessionId: string | undefined;
}

/** Reads what is offered (git-config, `receive.advertisePushOptions`, `transfer.advertiseSID`). */
export function readReceiveOffer(config: RepositoryConfig): ReceiveOffer {
  const pushOptions = booleanValue(config, "receive.advertisepushoptions") ?? false;
  return { pushOptions, sessionId: readSessionId(config) };
}

/** Reads the rules from the view that a push is about to be committed on (git-config, `receive.*` and `transfer.*`). */
export async function readReceiveRules(view: Snapshot, policy: ReceivePolicy): Promise<ReceiveRules> {
  const config = await view.config();
  const { symref: headTarget } = await view.head();
  return {
    headTarget,
    isHidden: hiddenRefs(config, "receive"),
    denyDeletes: booleanValue(config, "receive.denydeletes") ?? false,
    denyNonFastForwards: booleanValue(config, "receive.denynonfastforwards") ?? false,
    denyDeleteCurrent: denyAction(config, "receive.denydeletecurrent"),
    denyCurrentBranch: denyAction(config, "receive.denycurrentbranch"),
    checkedOut: await checkedOutBranches(view, config, headTarget),
    shallowUpdate: booleanValue(config, "receive.shallowupdate") ?? false,
    limits: readLimits(config, policy),
    fsck: readFsckRules(config, policy),
    unpackLimit: readUnpackLimit(config),
  };
}

const DEFAULT_MAX_METADATA_BYTES = 128 * 1024 * 1024;
const DEFAULT_MAX_DELTA_DEPTH = 4095;

function readLimits(config: RepositoryConfig, policy: ReceivePolicy): PackLimits {
  return {
    maxPackBytes: smallest(policy.maxPackBytes, integerValue(config, "receive.maxinputsize")),
    maxObjectBytes: policy.maxObjectBytes,
    maxDeltaBytes: policy.maxDeltaBytes,
    maxMetadataBytes: policy.maxMetadataBytes ?? DEFAULT_MAX_METADATA_BYTES,
    maxMadeBytes: policy.maxMadeBytes,
    maxDeltaDepth: policy.maxDeltaDepth ?? DEFAULT_MAX_DELTA_DEPTH,
  };
}

/** The branches of all working trees; a backend that knows of none has at most the one that HEAD names. */
async function checkedOutBranches(
  view: Snapshot,
  config: RepositoryConfig,
  headTarget: string | undefined,
): Promise<ReadonlySet<string>> {
  if (view.checkedOut !== undefined) return new Set(await view.checkedOut());
  const hasWorkTree = booleanValue(config, "core.bare") === false && headTarget !== undefined;
  return new Set(hasWorkTree ? [headTarget] : []);
}

const DENY_ACTIONS: readonly DenyAction[] = ["ignore", "warn", "refuse", "updateInstead"];

/** Keys that take one of git's words or a boolean. */
function denyAction(config: RepositoryConfig, key: string): DenyAction {
  const value = lastValue(config, key)?.toLowerCase();
  if (value === undefined) return "unconfigured";
  const action = DENY_ACTIONS.find((word) => word.toLowerCase() === value);
  return action ?? (booleanValue(config, key) === false ? "ignore" : "refuse");
}

/** The tighter of two bounds; git takes 0 for no bound. */
function smallest(a: number | undefined, b: number | undefined): number | undefined {
  const bounds = [a, b].filter((bound) => bound !== undefined && bound > 0) as number[];
  return bounds.length === 0 ? undefined : Math.min(...bounds);
}

/** git's default is what it unpacks; which of the two keys counts has changed with its versions. */
function readUnpackLimit(config: RepositoryConfig): number {
  const limits = ["receive.unpacklimit", "transfer.unpacklimit"].map((key) => integerValue(config, key));
  return limits.find((limit) => limit !== undefined && limit >= 0) ?? 100;
}
