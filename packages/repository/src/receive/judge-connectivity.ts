import { type Oid, oidToBytes } from "@millrace/pack";
import type { ObjectReader } from "../objects/object-view.ts";
import {
  type ConnectedBase,
  type MissingLink,
  findMissing,
  isConnected,
  linksAreConnected,
} from "./connectivity.ts";
import type { PushState } from "./push-state.ts";
import type { QuarantinedPack } from "./quarantine.ts";
import { planShallow } from "./shallow-plan.ts";

const SHALLOW_REFUSED = "shallow update not allowed";
const UNCONNECTED = "missing necessary objects";

/** Finds what the push would make shallow here: refused unless the repository allows it. */
export async function judgeShallow(
  push: PushState,
  clientShallow: readonly Oid[],
  reader: ObjectReader,
  { tips, signal }: ConnectedBase,
): Promise<void> {
  if (clientShallow.length === 0) return;
  const { commands, snapshot, view: before, rules, refused } = push;
  const cuts = await planShallow({ commands, clientShallow, snapshot, before, reader, tips, signal });
  if (rules.shallowUpdate) {
    push.cuts = cuts;
    return;
  }
  for (const [command, { needed }] of cuts) if (needed.length > 0) refused.set(command, SHALLOW_REFUSED);
}

/** Refuses commands whose objects are not all there. */
export async function judgeConnectivity(
  push: PushState,
  quarantined: QuarantinedPack | undefined,
  reader: ObjectReader,
  base: ConnectedBase,
): Promise<void> {
  const { refused, cuts } = push;
  const packIsConnected = quarantined !== undefined && (await linksAreConnected(quarantined.externals, base));
  const missingBehind = async (oid: Oid): Promise<MissingLink | undefined> => {
    const isBrought = quarantined !== undefined && quarantined.index.find(oidToBytes(oid)) >= 0;
    if ((isBrought && packIsConnected) || base.tips.has(oid)) return undefined;
    return findMissing([oid], reader, base);
  };
  let isBroken = false;
  for (const command of push.commands) {
    // A cut history is looked at with its roots, when all else is well.
    if (command.new === null || refused.has(command) || cuts.has(command)) continue;
    const missing = await missingBehind(command.new);
    if (missing === undefined) continue;
    if (!isBroken) push.messages.push(...tellMissing(missing, command.new));
    isBroken = true;
    refused.set(command, UNCONNECTED);
  }
  if (!isBroken) return;
  // Looking for what is missing, git looks at those too that it has refused before.
  for (const [command, reason] of refused) {
    if (reason !== SHALLOW_REFUSED) continue;
    if ((await missingBehind(command.new as Oid)) === undefined) continue;
    refused.set(command, UNCONNECTED);
  }
}

/** As git rev-list tells it, which git runs once for all commands. */
function tellMissing({ oid, stopsWalk }: MissingLink, tip: Oid): readonly string[] {
  if (oid === tip) return [`fatal: bad object ${oid}`];
  if (!stopsWalk) return [`fatal: missing blob object '${oid}'`];
  return [`error: Could not read ${oid}`, "fatal: revision walk setup failed"];
}

/** Refuses histories that end at roots of the client and are not whole down to these. */
export async function judgeCuts(
  { refused, cuts }: PushState,
  reader: ObjectReader,
  base: ConnectedBase,
): Promise<void> {
  for (const [command, { needed }] of cuts) {
    if (refused.has(command)) continue;
    const shallow = [...(base.shallow ?? []), ...needed];
    if (await isConnected([command.new as Oid], reader, { ...base, shallow })) continue;
    refused.set(command, "shallow error");
  }
}
