import { type LooseSource, writePack } from "@millrace/pack";
import type { Promisor } from "./promisor.ts";
import { SourceLimits } from "./schema.ts";
import { readPackObjects } from "./source/read-pack.ts";

/** All objects that are here, as a pack: promisors that are equal give equal bytes, and git reads it. */
export function snapshot(promisor: Promisor): AsyncIterable<Uint8Array> {
  const loose: LooseSource[] = [];
  for (const { oid, type, content } of promisor.objects()) {
    loose.push({ oid, type, sizeBytes: content.length, stream: () => once(content) });
  }
  loose.sort((a, b) => (a.oid < b.oid ? -1 : 1));
  return writePack({ format: promisor.format, packs: [], loose, ofsDelta: true });
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

async function* once(content: Uint8Array): AsyncGenerator<Uint8Array> {
  yield content;
}
