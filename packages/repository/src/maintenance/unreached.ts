import {
  isGitlinkMode,
  type OperationOptions,
  readCommitLinks,
  readPackMtimes,
  readTagTarget,
  walkTree,
  oidToBytes,
} from "@millrace/pack";
import type { MaintainedObject, MaintainedPack } from "@millrace/storage";
import { createBreather } from "../breather.ts";
import { OidTable } from "../objects/oid-table.ts";
import type { ObjectView } from "../objects/object-view.ts";
import type { OpenPack } from "../objects/pack-set.ts";

/** Objects that nobody reaches, with the time each was last needed, in seconds since 1970. */
export class UnreachedObjects {
  readonly table: OidTable;
  readonly #seconds: number[] = [];

  constructor(view: ObjectView) {
    this.table = new OidTable(view.format);
  }

  /** Notes an object; the latest time counts. */
  add(oid: Uint8Array, seconds: number): void {
    const number = this.table.add(oid);
    this.#seconds[number] = Math.max(this.#seconds[number] ?? 0, seconds);
  }

  secondsOf(number: number): number {
    return this.#seconds[number]!;
  }
}

export interface UnreachedOptions extends OperationOptions {
  readonly view: ObjectView;
  /** Packs that are put together, and what maintenance knows of them. */
  readonly joined: readonly { readonly open: OpenPack; readonly pack: MaintainedPack }[];
  readonly loose: readonly MaintainedObject[];
  /** Whether an object is reached, or stays where it is. */
  readonly isSafe: (oid: Uint8Array) => boolean;
}

/** Finds what is in packs that are put together, or loose, and is not safe. */
export async function findUnreached(options: UnreachedOptions): Promise<UnreachedObjects> {
  const { view, joined, loose, isSafe, signal } = options;
  const breather = createBreather(signal);
  const unreached = new UnreachedObjects(view);
  for (const { open, pack } of joined) {
    const { index } = open.reader;
    const times = pack.isCruft ? await timesOf(open, signal) : undefined;
    const packSeconds = Math.floor(pack.modifiedMs / 1000);
    const oid = new Uint8Array(index.packChecksum.length);
    for (const position of index.packOrder()) {
      const turn = breather.step();
      if (turn !== undefined) await turn;
      index.copyOid(position, oid, 0);
      if (!isSafe(oid)) unreached.add(oid, times?.[position] ?? packSeconds);
    }
  }
  for (const { oid, modifiedMs } of loose) {
    const bytes = oidToBytes(oid);
    if (!isSafe(bytes)) unreached.add(bytes, Math.floor(modifiedMs / 1000));
  }
  return unreached;
}

/** Read from the pack as it was opened: git may have removed it since. */
async function timesOf(
  { reader, sidecar }: OpenPack,
  signal: AbortSignal | undefined,
): Promise<Uint32Array | undefined> {
  const bytes = await sidecar("mtimes", { signal });
  return bytes === undefined ? undefined : readPackMtimes(bytes, reader.index);
}

/**
 * Which of them are kept: those last needed after `sinceSeconds`, and whatever of the rest these refer to, so that what
 * is begun on them stays whole.
 */
export async function chooseKept(
  unreached: UnreachedObjects,
  view: ObjectView,
  sinceSeconds: number,
  signal: AbortSignal | undefined,
): Promise<readonly number[]> {
  const { table } = unreached;
  const breather = createBreather(signal);
  const isKept = new Uint8Array(table.size);
  const kept: number[] = [];
  const keep = (number: number): void => {
    if (number < 0 || isKept[number] !== 0) return;
    isKept[number] = 1;
    kept.push(number);
  };
  let young = 0;
  for (let number = 0; number < table.size; number++)
    if (unreached.secondsOf(number) > sinceSeconds) keep(number);
  if (kept.length === table.size) return kept;
  for (; young < kept.length; young++) {
    const turn = breather.step();
    if (turn !== undefined) await turn;
    const oid = table.bytesAt(kept[young]!).slice();
    if ((await view.info(oid))?.type === "blob") continue;
    const { type, content } = await view.read(oid);
    for (const link of linksOf(type, content, view)) keep(table.find(link));
  }
  return kept;
}

function linksOf(type: string, content: Uint8Array, { format }: ObjectView): Uint8Array[] {
  if (type === "tag") return [oidToBytes(readTagTarget(content, format).oid)];
  if (type === "commit") {
    const { tree, parents } = readCommitLinks(content, format);
    return [tree, ...parents].map(oidToBytes);
  }
  const links: Uint8Array[] = [];
  const hashBytes = format === "sha1" ? 20 : 32;
  if (type === "tree") {
    walkTree(content, format, (mode, offset) => {
      if (!isGitlinkMode(mode)) links.push(content.subarray(offset, offset + hashBytes));
    });
  }
  return links;
}
