import { type Oid, type OperationOptions, oidFromBytes, type PackIndex } from "@millrace/pack";
import type { MaintainedObject, Maintenance, Snapshot } from "@millrace/storage";
import { createBreather } from "../breather.ts";
import { ObjectView } from "../objects/object-view.ts";
import type { PackSet } from "../objects/pack-set.ts";
import { isMissingObject } from "../walk/commit-graph.ts";
import { enumerateObjects } from "../walk/enumerate.ts";
import { type Gathering, missing } from "./gathering.ts";

/** Ids of all that is to stay with what it reaches: HEAD, refs, and what logs say as far as it is there. */
export async function readTips(
  snapshot: Snapshot,
  begun: Maintenance,
  view: ObjectView,
  signal: AbortSignal | undefined,
): Promise<ReadonlySet<Oid>> {
  const tips = new Set<Oid>();
  // Logs first: a ref that moves meanwhile is in its log before, or found in its new place.
  const logged = new Set<Oid>();
  for await (const oid of begun.moreTips({ signal })) logged.add(oid);
  const head = await snapshot.head({ signal });
  if (head.oid !== undefined) tips.add(head.oid);
  for await (const { oid } of snapshot.refs({ signal })) tips.add(oid);
  const oids = [...logged].filter((oid) => !tips.has(oid));
  const isHere = await view.hasEach(oids);
  for (const [i, oid] of oids.entries()) if (isHere[i] === true) tips.add(oid);
  return tips;
}

export interface ReachOptions extends OperationOptions {
  readonly view: ObjectView;
  readonly snapshot: Snapshot;
}

/** Takes all that the tips reach, what is asked for first in front. Throws `REPOSITORY_OBJECT_MISSING`. */
export async function gatherReached(
  gathering: Gathering,
  tips: ReadonlySet<Oid>,
  { view, snapshot, signal }: ReachOptions,
): Promise<void> {
  if (tips.size === 0) return;
  const breather = createBreather(signal);
  const shallow = await snapshot.shallow({ signal });
  const { numbers, table } = await enumerateObjects(view, { wants: [...tips], haves: [], shallow, signal });
  for (const number of numbers) {
    const turn = breather.step();
    if (turn !== undefined) await turn;
    const oid = table.bytesAt(number);
    const taken = await gathering.take(oid);
    // What is borrowed is not taken; what is nowhere must not go unnoticed.
    if (taken === "absent" && !(await view.has(oid))) throw missing(oid, view.format);
  }
}

export interface ConfirmOptions extends OperationOptions {
  readonly begun: Maintenance;
  /** Tips of which all that they reach is safe. */
  readonly tips: ReadonlySet<Oid>;
  readonly packs: PackSet;
  /** Indexes of packs that stay. */
  readonly stays: readonly PackIndex[];
  /** Ids of packs that are to go, and loose objects that are. */
  readonly removed: ReadonlySet<string>;
  readonly loose: readonly MaintainedObject[];
}

/**
 * Whether all that refs reach by now would still be there: what they reach beyond the tips known before is looked for
 * outside of what is to go. Answers all tips of which that is known then, and `undefined` where it is not so.
 */
export async function confirmTips(
  newest: Snapshot,
  options: ConfirmOptions,
): Promise<ReadonlySet<Oid> | undefined> {
  const { begun, tips, packs, stays, removed, signal } = options;
  const view = await ObjectView.open(newest, packs, { signal });
  try {
    const now = await readTips(newest, begun, view, signal);
    const wants = [...now].filter((oid) => !tips.has(oid));
    if (wants.length === 0) return tips;
    const breather = createBreather(signal);
    const shallow = await newest.shallow({ signal });
    const { numbers, table } = await enumerateObjects(view, { wants, haves: [...tips], shallow, signal });
    const others = view.packs.filter(({ id }) => !removed.has(id)).map(({ reader }) => reader.index);
    const indexes = [...stays, ...others];
    const goingLoose = new Set(options.loose.map(({ oid }) => oid));
    for (const number of numbers) {
      const turn = breather.step();
      if (turn !== undefined) await turn;
      const oid = table.bytesAt(number);
      if (indexes.some((index) => index.find(oid) >= 0)) continue;
      const hex = oidFromBytes(oid, 0, view.format);
      if (goingLoose.has(hex) || (await newest.openLoose(hex, { signal })) === undefined) return undefined;
    }
    return new Set([...tips, ...wants]);
  } catch (error) {
    if (isMissingObject(error)) return undefined;
    throw error;
  } finally {
    await view[Symbol.asyncDispose]();
  }
}
