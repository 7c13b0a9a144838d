import { applyDelta } from "../delta/apply.ts";
import { PackError } from "../errors.ts";
import { hashObject } from "../hash.ts";
import { oidFromBytes } from "../object-id.ts";
import type { PackedObject } from "../read/pack-reader.ts";
import type { Pace } from "../read/pace.ts";
import { type EntryKind, KIND_OFS_DELTA, objectTypeOfKind } from "../scan/pack-entry.ts";
import type { ObjectFormat, Oid } from "../schema.ts";
import type { EntryTable } from "./entry-table.ts";
import { linkFamilies } from "./families.ts";
import type { VisitObject } from "./scan-stream.ts";

/** What resolving deltas needs. */
export interface ResolveOptions {
  readonly format: ObjectFormat;
  readonly table: EntryTable;
  readonly refCount: number;
  /** The inflated content of an entry; synchronous where its packed bytes are at hand. */
  readonly inflate: (entry: number) => Uint8Array | Promise<Uint8Array>;
  readonly resolveBase: ((oid: Oid) => Promise<PackedObject | undefined>) | undefined;
  readonly visit: VisitObject | undefined;
  /** Largest object that a delta may make, in bytes. */
  readonly maxResultBytes: number;
  /** Bytes of bases that are kept while their deltas are worked on. */
  readonly budgetBytes: number;
  readonly pace: Pace;
  readonly signal: AbortSignal | undefined;
  readonly onResolved: (deltas: number) => void;
}

/** An object whose deltas are being resolved. */
interface Frame {
  /** Number of the entry; -1 for an object from outside the pack. */
  readonly entry: number;
  /** Dropped where the budget asks for it, rebuilt when it is needed again. */
  content: Uint8Array | undefined;
}

const PACE_BYTES = 128 * 1024;
/** What an object costs beside its bytes, in bytes, when it comes to looking at the clock. */
const OBJECT_COST_BYTES = 2048;

/**
 * Resolves every delta of the table, family by family, depth first, and fills in the ids. Answers the bases that came
 * from outside and are not in the pack, in the order in which they are first named.
 * Throws PACK_MISSING_BASE, PACK_BAD_DELTA, PACK_LIMIT_EXCEEDED.
 */
export async function resolveDeltas(options: ResolveOptions): Promise<Oid[]> {
  const { format, table, inflate, visit, maxResultBytes, budgetBytes, pace, signal } = options;
  const { hashBytes, oids, kinds, bases } = table;
  const { firstChild, nextSibling, groups } = linkFamilies(table, options.refCount);
  const stack: Frame[] = [];
  let heldBytes = 0;
  let work = 0;
  let resolved = 0;

  /** Gives the deltas of a group to the entry that is their base; -1 stands for an object from outside. */
  function adopt(group: number, base: number): number {
    const first = groups.first[group]!;
    groups.first[group] = -1;
    let last = -1;
    for (let child = first; child >= 0; child = nextSibling[child]!) {
      bases[child] = base;
      last = child;
    }
    if (last >= 0 && base >= 0) {
      nextSibling[last] = firstChild[base]!;
      firstChild[base] = first;
    }
    return first;
  }

  /** Takes in the deltas that name an entry by the id that it now has. */
  function adoptByOid(entry: number): void {
    const group = groups.find(oids, entry * hashBytes);
    if (group < 0) return;
    groups.inPack[group] = 1;
    if (groups.first[group]! >= 0) adopt(group, entry);
  }

  function apply(entry: number, base: Uint8Array, delta: Uint8Array): Uint8Array {
    try {
      return applyDelta(base, delta, maxResultBytes);
    } catch (cause) {
      if (!(cause instanceof PackError)) throw cause;
      const offset = table.offsets[entry]!;
      throw new PackError(cause.code, `delta at offset ${offset}: ${cause.message}`, { offset, cause });
    }
  }

  /** Counts a frame's content, and drops the oldest contents where they come to more than the budget. */
  function hold(frame: Frame, content: Uint8Array): void {
    frame.content = content;
    heldBytes += content.length;
    for (let i = 0; heldBytes > budgetBytes && i < stack.length; i++) {
      const other = stack[i]!;
      if (other === frame || other.content === undefined || other.entry < 0) continue;
      heldBytes -= other.content.length;
      other.content = undefined;
    }
  }

  /** The content that the budget took from the topmost frame, from the nearest ancestor that still has its own. */
  async function rebuild(external: PackedObject | undefined): Promise<Uint8Array> {
    const chain: number[] = [];
    let at = stack.length - 1;
    let entry = stack[at]!.entry;
    let content: Uint8Array | undefined;
    while (content === undefined) {
      if (at >= 0 && stack[at]!.entry === entry) content = stack[at--]!.content;
      if (content !== undefined) break;
      if (entry < 0) content = external!.content;
      else if (kinds[entry]! < KIND_OFS_DELTA) content = await inflate(entry);
      else {
        chain.push(entry);
        entry = bases[entry]!;
      }
    }
    for (let i = chain.length - 1; i >= 0; i--) {
      content = apply(chain[i]!, content, await inflate(chain[i]!));
      if (pace.isDue()) await pace.rest(signal);
    }
    return content;
  }

  /** Resolves everything below one object. `children` is the list of an external base; entries have their own. */
  async function resolveFamily(root: number, base: PackedObject, external: boolean, children: number): Promise<void> {
    const { type } = base;
    const rootFrame: Frame = { entry: root, content: undefined };
    let externalChild = children;
    stack.push(rootFrame);
    hold(rootFrame, base.content);
    while (stack.length > 0) {
      const frame = stack[stack.length - 1]!;
      const child = frame.entry < 0 ? externalChild : firstChild[frame.entry]!;
      if (child < 0) {
        heldBytes -= frame.content?.length ?? 0;
        stack.pop();
        continue;
      }
      const following = nextSibling[child]!;
      if (frame.entry < 0) externalChild = following;
      else firstChild[frame.entry] = following;

      if (frame.content === undefined) hold(frame, await rebuild(external ? base : undefined));
      const content = frame.content!;
      if (following < 0) {
        // With its last child a base has done its work.
        heldBytes -= content.length;
        stack.pop();
      }
      const inflated = inflate(child);
      const delta = inflated instanceof Promise ? await inflated : inflated;
      const result = apply(child, content, delta);
      const oid = hashObject(format, type, result);
      oids.set(oid, child * hashBytes);
      visit?.(type, oid, result.length, result);
      adoptByOid(child);
      resolved++;
      if (firstChild[child]! >= 0) {
        const childFrame: Frame = { entry: child, content: undefined };
        stack.push(childFrame);
        hold(childFrame, result);
      }
      work += result.length + delta.length + OBJECT_COST_BYTES;
      if (work > PACE_BYTES) {
        work = 0;
        options.onResolved(resolved);
        if (pace.isDue()) await pace.rest(signal);
      }
    }
  }

  for (let entry = 0; entry < table.count; entry++) {
    if (kinds[entry]! >= KIND_OFS_DELTA) continue;
    adoptByOid(entry);
    if (firstChild[entry]! < 0) continue;
    const type = objectTypeOfKind(kinds[entry] as EntryKind)!;
    const content = inflate(entry);
    await resolveFamily(entry, { type, content: content instanceof Promise ? await content : content }, false, -1);
  }
  for (let group = 0; group < groups.count; group++) {
    if (groups.first[group]! < 0) continue;
    const oid = oidFromBytes(groups.keys, group * hashBytes, format);
    signal?.throwIfAborted();
    const base = await options.resolveBase?.(oid);
    if (base !== undefined) await resolveFamily(-1, base, true, adopt(group, -1));
    else if (options.resolveBase === undefined) throw missingBase(oid);
  }
  options.onResolved(resolved);
  const fromOutside: Oid[] = [];
  for (let group = 0; group < groups.count; group++) {
    const oid = oidFromBytes(groups.keys, group * hashBytes, format);
    // Still waiting: no object of the pack was it, and nobody else has it; or the group waits for itself.
    if (groups.first[group]! >= 0) throw missingBase(oid);
    if (groups.inPack[group] === 0) fromOutside.push(oid);
  }
  return fromOutside;
}

function missingBase(oid: Oid): PackError {
  return new PackError("PACK_MISSING_BASE", `delta base ${oid} is neither in the pack nor in the repository`, { oid });
}
