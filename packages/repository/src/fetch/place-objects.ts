import type { LooseSource, OperationOptions, PackReader } from "@millrace/pack";
import { RepositoryError } from "../errors.ts";
import type { GraphMember } from "../objects/graph-set.ts";
import type { ObjectView } from "../objects/object-view.ts";
import { type Breather, createBreather } from "../walk/breather.ts";
import { type ObjectMarks, SELECTED } from "../walk/object-marks.ts";

/** Where the objects of a pack to be written are stored. */
export interface ObjectPlaces {
  readonly packs: readonly { readonly reader: PackReader; readonly positions: Uint32Array }[];
  /** Ordered by id. */
  readonly loose: readonly LooseSource[];
}

/** Objects placed between two reports. */
const STEP_OBJECTS = 4096;
/** Up to this share of a pack, its selected objects are sorted; above, all of its objects are looked at in order. */
const SORTED_SHARE = 1 / 64;

/**
 * Finds each selected object, as `marks` and `numbers` both have them, in the packs, or loose. Positions in a pack whose
 * graph is known come in pack order.
 * Throws `REPOSITORY_OBJECT_MISSING` where one is nowhere.
 */
export async function placeObjects(
  view: ObjectView,
  marks: ObjectMarks,
  numbers: readonly number[],
  options: OperationOptions & { readonly onProgress?: (objects: number) => void } = {},
): Promise<ObjectPlaces> {
  const { graphs, nodeCount } = marks.table;
  const breather = createBreather(options.signal);
  const groups = new PackGroups(view);
  const nodes = new Map<GraphMember, number[]>();
  const others: number[] = [];
  let ofMember: number[] = [];
  let member: GraphMember | undefined;
  for (let i = 0; i < numbers.length; i++) {
    const number = numbers[i]!;
    if (number >= nodeCount) others.push(number);
    else {
      if (member === undefined || number < member.base || number >= member.end) {
        member = graphs!.memberOf(number);
        ofMember = nodes.get(member) ?? [];
        nodes.set(member, ofMember);
      }
      ofMember.push(number);
    }
  }
  let placed = 0;
  for (const [from, selected] of nodes) {
    groups.addAll(from.id, positionsOf(from, selected, marks));
    placed += selected.length;
    options.onProgress?.(placed);
  }
  const loose = await placeOthers(view, marks, others, groups, breather, {
    ...options,
    onPlaced: (count) => options.onProgress?.(placed + count),
  });
  return { packs: groups.finish(), loose };
}

/** Index positions of selected nodes, in pack order. */
function positionsOf({ index, base, end }: GraphMember, selected: number[], marks: ObjectMarks): Uint32Array {
  const order = index.packOrder();
  if (selected.length === index.count) return order;
  const positions = new Uint32Array(selected.length);
  if (selected.length < index.count * SORTED_SHARE) {
    selected.sort((a, b) => a - b);
    for (let i = 0; i < selected.length; i++) positions[i] = order[selected[i]! - base]!;
    return positions;
  }
  const { bytes } = marks;
  let filled = 0;
  for (let number = base; number < end; number++) {
    if ((bytes[number]! & SELECTED) !== 0) positions[filled++] = order[number - base]!;
  }
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
  for (let i = 0; i < numbers.length; i++) {
    const pause = breather.step();
    if (pause !== undefined) await pause;
    const oid = table.bytesAt(numbers[i]!);
    const packed = view.findPacked(oid);
    const found = packed >= 0 ? packed : await view.find(oid);
    if (found === undefined) {
      const hex = table.oidAt(numbers[i]!);
      throw new RepositoryError("REPOSITORY_OBJECT_MISSING", `object ${hex} is missing`, { oid: hex });
    }
    if (typeof found === "number") groups.add(view.packOf(found).id, view.positionOf(found));
    else {
      const { type, sizeBytes } = found;
      loose.push({ oid: table.oidAt(numbers[i]!), type, sizeBytes, stream: () => found.stream(options) });
    }
    if (i % STEP_OBJECTS === STEP_OBJECTS - 1 || i === numbers.length - 1) options.onPlaced(i + 1);
  }
  return loose.toSorted((a, b) => (a.oid < b.oid ? -1 : 1));
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

  /** By id, so that the same selection gives the same bytes whatever order the packs were listed in. */
  finish(): ObjectPlaces["packs"] {
    return this.#view.packs
      .map(({ id, reader }) => ({ id, reader, positions: this.#positionsIn(id) }))
      .filter(({ positions }) => positions.length > 0)
      .toSorted((a, b) => (a.id < b.id ? -1 : 1));
  }

  #positionsIn(pack: string): Uint32Array {
    return this.#whole.get(pack) ?? Uint32Array.from(this.#single.get(pack) ?? []);
  }
}
