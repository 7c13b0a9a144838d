import { applyDelta } from "../delta/apply.ts";
import { PackError } from "../errors.ts";
import { hashObject } from "../hash.ts";
import { oidFromBytes } from "../object-id.ts";
import type { PackedObject } from "../read/pack-reader.ts";
import type { Pace } from "../read/pace.ts";
import { type EntryKind, KIND_OFS_DELTA, objectTypeOfKind } from "../scan/pack-entry.ts";
import type { ObjectFormat, ObjectType, Oid } from "../schema.ts";
import type { EntryTable } from "./entry-table.ts";
import { linkFamilies } from "./families.ts";
import type { VisitObject } from "./scan-stream.ts";

/** What resolving deltas needs. */
export interface ResolveOptions {
  readonly format: ObjectFormat;
  readonly table: EntryTable;
  readonly refCount: number;
  /** The inflated content of an entry, not to be changed; synchronous where its bytes are at hand. */
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

const NO_BYTES: Uint8Array = new Uint8Array(0);
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
  /** Frames below this one have no content. */
  let droppedTo = 0;
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

  /** Gives a frame its content, and drops the contents of frames below it where all come to more than the budget. */
  function hold(at: number, content: Uint8Array): void {
    stack[at]!.content = content;
    heldBytes += content.length;
    if (at < droppedTo) droppedTo = at;
    while (heldBytes > budgetBytes && droppedTo < at) {
      const older = stack[droppedTo++]!;
      if (older.content === undefined || older.entry < 0) continue;
      heldBytes -= older.content.length;
      older.content = undefined;
    }
  }

  function pop(): void {
    heldBytes -= stack.pop()!.content?.length ?? 0;
    if (droppedTo > stack.length) droppedTo = stack.length;
  }

  /**
   * Makes the topmost frame's content again, from the nearest ancestor that still has its own. The frames in between
   * get theirs on the way, as far as the budget allows, since the walk is about to come back to them.
   */
  async function rebuild(external: PackedObject | undefined): Promise<void> {
    const chain: number[] = [];
    /** Where each entry of the chain is on the stack; -1 where it has left already. */
    const places: number[] = [];
    let at = stack.length - 1;
    let entry = stack[at]!.entry;
    let content: Uint8Array | undefined;
    while (content === undefined) {
      const isOnStack = at >= 0 && stack[at]!.entry === entry;
      if (isOnStack && stack[at]!.content !== undefined) content = stack[at]!.content;
      else if (entry < 0) content = external!.content;
      else {
        chain.push(entry);
        places.push(isOnStack ? at-- : -1);
        if (kinds[entry]! < KIND_OFS_DELTA) content = NO_BYTES;
        else entry = bases[entry]!;
      }
    }
    for (let i = chain.length - 1; i >= 0; i--) {
      const inflated = await inflate(chain[i]!);
      content = kinds[chain[i]!]! < KIND_OFS_DELTA ? inflated : apply(chain[i]!, content, inflated);
      if (places[i]! >= 0) hold(places[i]!, content);
      if (pace.isDue()) await pace.rest(signal);
    }
  }

  /** Puts a family's first base on the stack; nothing else is to keep its content alive. */
  async function pushRoot(entry: number): Promise<void> {
    const content = inflate(entry);
    stack.push({ entry, content: undefined });
    hold(0, content instanceof Promise ? await content : content);
  }

  /**
   * Resolves everything below the one object on the stack. `external` is that object where it is not from the pack,
   * and `children` the list of its deltas; entries have their own lists.
   */
  async function resolveFamily(
    type: ObjectType,
    external: PackedObject | undefined,
    children: number,
  ): Promise<void> {
    let externalChild = children;
    while (stack.length > 0) {
      const frame = stack[stack.length - 1]!;
      const child = frame.entry < 0 ? externalChild : firstChild[frame.entry]!;
      if (child < 0) {
        pop();
        continue;
      }
      const following = nextSibling[child]!;
      if (frame.entry < 0) externalChild = following;
      else firstChild[frame.entry] = following;

      if (frame.content === undefined) await rebuild(external);
      const content = frame.content!;
      if (following < 0) {
        // With its last child a base has done its work.
        pop();
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
        stack.push({ entry: child, content: undefined });
        hold(stack.length - 1, result);
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
    await pushRoot(entry);
    await resolveFamily(objectTypeOfKind(kinds[entry] as EntryKind)!, undefined, -1);
  }
  for (let group = 0; group < groups.count; group++) {
    if (groups.first[group]! < 0) continue;
    const oid = oidFromBytes(groups.keys, group * hashBytes, format);
    signal?.throwIfAborted();
    const external = await options.resolveBase?.(oid);
    if (external === undefined) {
      if (options.resolveBase === undefined) throw missingBase(oid);
      continue;
    }
    stack.push({ entry: -1, content: undefined });
    hold(0, external.content);
    await resolveFamily(external.type, external, adopt(group, -1));
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
  return new PackError(
    "PACK_MISSING_BASE",
    `delta base ${oid} is neither in the pack nor in the repository`,
    { oid },
  );
}
