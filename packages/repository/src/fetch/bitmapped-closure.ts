import { type ObjectBits, type Oid, type PackIndex, type PackReader, oidToBytes } from "@millrace/pack";
import type { BitmappedPack } from "../objects/bitmapped-pack.ts";
import type { ObjectView } from "../objects/object-view.ts";
import type { ListedRef } from "../refs/list-refs.ts";
import { countSet } from "../walk/object-bits.ts";

/** What a clone asks for. */
export interface CloneRequest {
  readonly wants: readonly Oid[];
  /** Annotated tags whose target is sent go along. */
  readonly includeTag: boolean;
}

/**
 * The pack of which a clone wants everything and nothing besides, as git's bitmaps tell: it goes out as it lies. That is
 * found out without an order of its entries and without reading one, and without a graph that lies on the disk, so a server that
 * has just started answers sooner.
 * `undefined`: there is none, or it takes more to tell.
 */
export async function bitmappedClosure(
  view: ObjectView,
  tags: () => AsyncIterable<ListedRef>,
  request: CloneRequest,
): Promise<PackReader | undefined> {
  const packs = await view.bitmaps({ unread: true });
  const only = packs.length === 1 ? packs[0] : undefined;
  if (only === undefined || !(await isAllAsked(only, tags, request))) return undefined;
  return view.packs.find(({ id }) => id === only.id)?.reader;
}

async function isAllAsked(
  { index, bitmaps }: BitmappedPack,
  tags: () => AsyncIterable<ListedRef>,
  { wants, includeTag }: CloneRequest,
): Promise<boolean> {
  const bits = bitmaps.empty();
  const reach = (position: number): void => {
    if (bitmaps.has(position)) bitmaps.addReached(position, bits);
  };
  const wanted = new Set<number>();
  for (const want of wants) {
    const position = index.find(oidToBytes(want));
    if (position < 0) return false;
    wanted.add(position);
    reach(position);
  }
  // No commit reaches a tag: each of them has to be asked for.
  const tagCount = countSet(bitmaps.tags);
  const asked = new Set<number>();
  if (includeTag || tagCount > 0) {
    for await (const { oid, peeled } of tags()) {
      if (peeled === undefined) continue;
      const position = index.find(oidToBytes(oid));
      if (includeTag && index.find(oidToBytes(peeled)) >= 0) {
        // It would go along, and lies elsewhere.
        if (position < 0) return false;
      } else if (!wanted.has(position)) continue;
      asked.add(position);
      if (wanted.has(position)) reach(index.find(oidToBytes(peeled)));
    }
  }
  return asked.size === tagCount && isFull(bits, bitmaps.tags, index);
}

/** Whether each object of a pack is in one of two sets. */
function isFull(bits: ObjectBits, others: ObjectBits, { count }: PackIndex): boolean {
  const whole = count >>> 5;
  for (let word = 0; word < whole; word++) if ((bits[word]! | others[word]!) !== -1) return false;
  const rest = count & 31;
  return rest === 0 || (bits[whole]! | others[whole]! | (-1 << rest)) === -1;
}
