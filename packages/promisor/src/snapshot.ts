import type { Promisor } from "./promisor.ts";
import { SourceLimits } from "./schema.ts";
import { packOf } from "./source/open-pack.ts";
import { readPackObjects } from "./source/read-pack.ts";

/** All objects that are here, as a pack: promisors that are equal give equal bytes, and git reads it. */
export function snapshot(promisor: Promisor): AsyncIterable<Uint8Array> {
  return packOf(promisor.objects(), promisor.format);
}

/**
 * The promisor with the objects of a snapshot, each of which is checked.
 * Throws as `indexPack` where the snapshot is damaged, `PROMISOR_OVERFULL`; ZodError where the limits are malformed.
 */
export async function restore(
  promisor: Promisor,
  pack: AsyncIterable<Uint8Array>,
  limits: SourceLimits = {},
): Promise<Promisor> {
  const found = await readPackObjects(pack, promisor.format, SourceLimits.parse(limits), undefined);
  return promisor.withFetched(found);
}
