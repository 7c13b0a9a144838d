import type { LooseSource, OperationOptions, PackReader } from "@millrace/pack";
import { RepositoryError } from "../errors.ts";
import type { ObjectView } from "../objects/object-view.ts";
import type { OidTable } from "../objects/oid-table.ts";
import { createBreather } from "../walk/breather.ts";

/** Where the objects of a pack to be written are stored. */
export interface ObjectPlaces {
  readonly packs: readonly { readonly reader: PackReader; readonly positions: Uint32Array }[];
  /** Ordered by id. */
  readonly loose: readonly LooseSource[];
}

/**
 * Finds each selected object in the packs, or loose.
 * Throws `REPOSITORY_OBJECT_MISSING` where one is nowhere.
 */
export async function placeObjects(
  view: ObjectView,
  table: OidTable,
  numbers: readonly number[],
  options: OperationOptions & { readonly onProgress?: (objects: number) => void } = {},
): Promise<ObjectPlaces> {
  const breather = createBreather(options.signal);
  const places = new Float64Array(numbers.length);
  const loose: LooseSource[] = [];
  for (let i = 0; i < numbers.length; i++) {
    await breather.step();
    const number = numbers[i]!;
    const packed = view.findPacked(table.bytesAt(number));
    const found = packed >= 0 ? packed : await view.find(table.bytesAt(number));
    if (found === undefined) {
      const oid = table.oidAt(number);
      throw new RepositoryError("REPOSITORY_OBJECT_MISSING", `object ${oid} is missing`, { oid });
    }
    if (typeof found === "number") places[i] = found;
    else {
      places[i] = -1;
      const { type, sizeBytes } = found;
      loose.push({ oid: table.oidAt(number), type, sizeBytes, stream: () => found.stream(options) });
    }
    options.onProgress?.(i + 1);
  }
  loose.sort((a, b) => (a.oid < b.oid ? -1 : 1));
  return { packs: groupByPack(view, places), loose };
}

function groupByPack(view: ObjectView, places: Float64Array): ObjectPlaces["packs"] {
  const counts = new Uint32Array(view.packs.length);
  for (const place of places) if (place >= 0) counts[view.packNumberOf(place)]!++;
  const groups = view.packs.map(({ id, reader }, number) => ({
    id,
    reader,
    positions: new Uint32Array(counts[number]!),
    filled: 0,
  }));
  for (const place of places) {
    if (place < 0) continue;
    const group = groups[view.packNumberOf(place)]!;
    group.positions[group.filled++] = view.positionOf(place);
  }
  // By id, so that the same selection gives the same bytes whatever order the packs were listed in.
  return groups.filter(({ filled }) => filled > 0).toSorted((a, b) => (a.id < b.id ? -1 : 1));
}
