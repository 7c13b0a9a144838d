import {
  type LooseSource,
  type OperationOptions,
  type PackReader,
  comparePackOrder,
  oidFromBytes,
} from "@millrace/pack";
import type { LooseObject } from "@millrace/storage";
import { RepositoryError } from "../errors.ts";
import type { GraphMember } from "../objects/graph-set.ts";
import type { RankedPack } from "../objects/ranked-pack.ts";
import type { ObjectView, PackedPlace } from "../objects/object-view.ts";
import type { OpenPack } from "../objects/pack-set.ts";
import { type Breather, createBreather } from "../breather.ts";
import { type ObjectMarks, SELECTED } from "../walk/object-marks.ts";

/** Where the objects of a pack to be written are stored. */
export interface ObjectPlaces {
  readonly packs: readonly { readonly reader: PackReader; readonly positions: Uint32Array }[];
  /** Ordered by id. */
  readonly loose: readonly LooseSource[];
}

/** Objects to be placed; marks have them as selected. */
export interface SelectedObjects {
  readonly count: number;
  /** Their numbers; asked for only where looking at the marks will not do. */
  readonly list: () => readonly number[];
}

/** Objects placed between two reports. */
const STEP_OBJECTS = 4096;
/** Up to this share of all nodes, the selected ones are sorted; above, all nodes are looked at in order. */
const SORTED_SHARE = 1 / 64;

/**
 * Finds each selected object in the packs, or loose. Positions in a pack whose entries have numbers come in pack order.
 * Throws `REPOSITORY_OBJECT_MISSING` where one is nowhere.
 */
export async function placeObjects(
  view: ObjectView,
  marks: ObjectMarks,
  selected: SelectedObjects,
  options: OperationOptions & { readonly onProgress?: (objects: number) => void } = {},
): Promise<ObjectPlaces> {
  const breather = createBreather(options.signal);
  const groups = new PackGroups(view);
  let placed = 0;
  for (const [member, positions] of placeNodes(marks, selected)) {
    if (positions.length === 0) continue;
    groups.addAll(member.id, positions);
    placed += positions.length;
    options.onProgress?.(placed);
  }
  const packedCount = marks.table.ranked?.size ?? marks.table.nodeCount;
  const others = placed === selected.count ? [] : selected.list().filter((number) => number >= packedCount);
  const loose = await placeOthers(view, marks, others, groups, breather, {
    ...options,
    onPlaced: (count) => options.onProgress?.(placed + count),
  });
  return { packs: groups.finish(), loose };
}

/** Index positions of the selected entries of each pack that has numbers for them, in pack order. */
function placeNodes(
  { table, bytes }: ObjectMarks,
  { count, list }: SelectedObjects,
): readonly (readonly [GraphMember | RankedPack, Uint32Array])[] {
  const { graphs, nodeCount, ranked } = table;
  if (ranked !== undefined) return [[ranked, markedPositions(ranked, bytes)]];
  if (graphs === undefined) return [];
  if (count > nodeCount * SORTED_SHARE) {
    return graphs.members.map((member) => [member, markedPositions(member, bytes)]);
  }
  const ofMembers = new Map<GraphMember, number[]>();
  for (const number of list()) {
    if (number >= nodeCount) continue;
    const member = graphs.memberOf(number);
    const selected = ofMembers.get(member);
    if (selected === undefined) ofMembers.set(member, [number]);
    else selected.push(number);
  }
  return [...ofMembers].map(([member, selected]) => [member, sortedPositions(member, selected)]);
}

/** Found by looking at all nodes; most of them are selected. */
function markedPositions({ index, base, end }: GraphMember | RankedPack, marks: Uint8Array): Uint32Array {
  const order = index.packOrder();
  let count = 0;
  for (let number = base; number < end; number++) if ((marks[number]! & SELECTED) !== 0) count++;
  if (count === order.length) return order;
  const positions = new Uint32Array(count);
  for (let number = base, filled = 0; filled < count; number++) {
    if ((marks[number]! & SELECTED) !== 0) positions[filled++] = order[number - base]!;
  }
  return positions;
}

/** Found by sorting the few that are selected. */
function sortedPositions({ index, base }: GraphMember, selected: readonly number[]): Uint32Array {
  const order = index.packOrder();
  const positions = Uint32Array.from(selected).sort();
  for (let i = 0; i < positions.length; i++) positions[i] = order[positions[i]! - base]!;
  return positions;
}

/** Finds objects by their ids; adds the packed ones to `groups` and answers the loose ones. */
async function placeOthers(
  view: ObjectView,
  { table }: ObjectMarks,
  numbers: readonly number[],
  groups: PackGroups,
  breather: Breather,
  options: OperationOptions & { readonly onPlaced: (count: number) => void },
): Promise<LooseSource[]> {
  const loose: LooseSource[] = [];
  // Of the packs that have an object, the one that is written first: then deltas can be sent as they are.
  const packs = view.packs.toSorted((a, b) => comparePackOrder(a.reader.index, b.reader.index));
  for (let i = 0; i < numbers.length; i++) {
    const pause = breather.step();
    if (pause !== undefined) await pause;
    const oid = table.bytesAt(numbers[i]!);
    const found = addToFirst(packs, oid, groups) ? undefined : await findElsewhere(view, oid);
    if (typeof found === "number") groups.add(view.packOf(found).id, view.positionOf(found));
    else if (found !== undefined) {
      const { type, sizeBytes } = found;
      loose.push({ oid: table.oidAt(numbers[i]!), type, sizeBytes, stream: () => found.stream(options) });
    }
    if (i % STEP_OBJECTS === STEP_OBJECTS - 1 || i === numbers.length - 1) options.onPlaced(i + 1);
  }
  return loose.toSorted((a, b) => (a.oid < b.oid ? -1 : 1));
}

/** Adds an object to the first of these packs that has it; answers whether one has. */
function addToFirst(packs: readonly OpenPack[], oid: Uint8Array, groups: PackGroups): boolean {
  for (const { id, reader } of packs) {
    const position = reader.index.find(oid);
    if (position < 0) continue;
    groups.add(id, position);
    return true;
  }
  return false;
}

async function findElsewhere(view: ObjectView, oid: Uint8Array): Promise<PackedPlace | LooseObject> {
  const found = await view.find(oid);
  if (found !== undefined) return found;
  const hex = oidFromBytes(oid, 0, view.format);
  throw new RepositoryError("REPOSITORY_OBJECT_MISSING", `object ${hex} is missing`, { oid: hex });
}

/** Positions by pack; those of a pack whose graph is known come all at once, others one by one. */
class PackGroups {
  readonly #view: ObjectView;
  readonly #whole = new Map<string, Uint32Array>();
  readonly #single = new Map<string, number[]>();

  constructor(view: ObjectView) {
    this.#view = view;
  }

  addAll(pack: string, positions: Uint32Array): void {
    this.#whole.set(pack, positions);
  }

  add(pack: string, position: number): void {
    const positions = this.#single.get(pack);
    if (positions === undefined) this.#single.set(pack, [position]);
    else positions.push(position);
  }

  finish(): ObjectPlaces["packs"] {
    return this.#view.packs
      .map(({ id, reader }) => ({ id, reader, positions: this.#positionsIn(id) }))
      .filter(({ positions }) => positions.length > 0);
  }

  #positionsIn(pack: string): Uint32Array {
    return this.#whole.get(pack) ?? Uint32Array.from(this.#single.get(pack) ?? []);
  }
}
