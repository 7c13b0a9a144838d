import {
  createBlockCache,
  createByteCache,
  indexPack,
  type ObjectFormat,
  oidFromBytes,
  openPackReader,
} from "@millrace/pack";
import type { FilledSourceLimits } from "../schema.ts";
import { createMemorySink } from "./memory-sink.ts";
import { ObjectBudget } from "./object-budget.ts";
import type { FetchedObject, FetchedPack } from "./object-source.ts";
import { takePack } from "./take-pack.ts";

/** The objects of a pack that is fetched, again where it breaks off. Throws as `readPackObjects`. */
export async function readFetchedPack(
  fetch: () => Promise<FetchedPack | undefined>,
  format: ObjectFormat,
  limits: FilledSourceLimits,
  signal: AbortSignal | undefined,
): Promise<readonly FetchedObject[]> {
  const found = await takePack(fetch, ({ pack }) => readPackObjects(pack, format, limits, signal));
  return found ?? [];
}

/**
 * Takes a pack apart: each of its objects, checked against its id, under collision detection. The pack is held in memory
 * until then.
 * Throws as `indexPack`.
 */
export async function readPackObjects(
  pack: AsyncIterable<Uint8Array>,
  format: ObjectFormat,
  limits: FilledSourceLimits,
  signal: AbortSignal | undefined,
): Promise<readonly FetchedObject[]> {
  const objects: FetchedObject[] = [];
  const sink = createMemorySink();
  const large: Uint8Array[] = [];
  const budget = new ObjectBudget(limits);
  try {
    const { index, trailer } = await indexPack(budget.counted(pack), {
      format,
      sink,
      limits,
      signal,
      visit({ type, oid, sizeBytes, content }) {
        budget.spend(sizeBytes);
        if (content === undefined) {
          large.push(oid.slice());
          return;
        }
        objects.push({ oid: oidFromBytes(oid, 0, format), type, content: content.slice() });
      },
    });
    if (large.length > 0) {
      await sink.write(trailer);
      const reader = openPackReader({
        source: await sink.open(),
        index,
        bases: createByteCache({ budgetBytes: 1 }),
        blocks: createBlockCache({ budgetBytes: 1 << 20 }),
        maxObjectBytes: limits.maxObjectBytes,
      });
      for (const oid of large) {
        const { type, content } = await reader.read(index.find(oid, 0), { signal });
        objects.push({ oid: oidFromBytes(oid, 0, format), type, content });
      }
      reader.release();
    }
    return objects;
  } finally {
    sink.drop();
  }
}
