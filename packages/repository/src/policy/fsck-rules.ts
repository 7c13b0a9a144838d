import { FSCK_SEVERITIES } from "@millrace/pack";
import { booleanValue, type RepositoryConfig } from "@millrace/storage";
import { badRequest } from "../errors.ts";
import type { FsckLevel, ReceivePolicy } from "../schema.ts";

/** How pushed objects are checked. */
export interface FsckRules {
  /** Whether they are checked at all. */
  readonly isOn: boolean;
  /** Levels by message id, over the defaults. */
  readonly levels: Readonly<Record<string, FsckLevel>>;
  /** Files that list objects which are not judged. */
  readonly skipLists: readonly string[];
  /** What the configuration cannot mean, in git's words; the checks do not begin. */
  readonly fault: string | undefined;
  /** What of it is passed over. */
  readonly warnings: readonly string[];
}

const PREFIX = "receive.fsck.";
const LEVELS: ReadonlySet<string> = new Set<FsckLevel>(["error", "warn", "ignore"]);

/** By their lower-cased names: the ids that are reported here, and those that git knows besides. */
const IDS: ReadonlyMap<string, string> = new Map(
  [...FSCK_SEVERITIES.keys(), "extraHeaderEntry", "missingTreeObject", "unknownType"].map((id) => [
    id.toLowerCase(),
    id,
  ]),
);

/** What git never takes for less than an error. */
const FATAL: ReadonlySet<string> = new Set(["nulInHeader", "unterminatedHeader"]);

/**
 * Reads `receive.fsckObjects`, `transfer.fsckObjects`, `receive.fsck.<msg-id>` and `receive.fsck.skipList`; `fsck.*` is
 * for git fsck and counts for nothing here. Throws `REPOSITORY_BAD_REQUEST` for a level that is none.
 */
export function readFsckRules(config: RepositoryConfig, policy: ReceivePolicy): FsckRules {
  const levels: Record<string, FsckLevel> = { ...policy.fsckLevels };
  const skipLists: string[] = [];
  const warnings: string[] = [];
  let fault: string | undefined;
  for (const { key, value } of config.entries) {
    if (!key.startsWith(PREFIX)) continue;
    const name = key.slice(PREFIX.length);
    const id = IDS.get(name);
    if (name === "skiplist") skipLists.push(value);
    else if (id === undefined) warnings.push(`warning: skipping unknown msg id '${name}'`);
    else if (!isLevel(value)) throw badRequest(`Unknown fsck message type: '${value}'`);
    else if (FATAL.has(id) && value !== "error") fault ??= `Cannot demote ${name} to ${value}`;
    else levels[id] = value;
  }
  const isOn =
    booleanValue(config, "receive.fsckobjects") ??
    booleanValue(config, "transfer.fsckobjects") ??
    policy.fsck ??
    true;
  return { isOn, levels, skipLists, fault, warnings };
}

function isLevel(word: string): word is FsckLevel {
  return LEVELS.has(word);
}
