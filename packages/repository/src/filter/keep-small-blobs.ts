import type { ObjectReader } from "../objects/object-view.ts";
import type { ObjectNumbers } from "../objects/object-numbers.ts";
import type { Breather } from "../breather.ts";

/** The blobs of fewer than `bytesBelow` bytes; those that are missing stay, so that they are missed. No content is read. */
export async function keepSmallBlobs(
  reader: ObjectReader,
  table: ObjectNumbers,
  blobs: readonly number[],
  bytesBelow: number,
  breather: Breather,
): Promise<readonly number[]> {
  if (bytesBelow === Number.POSITIVE_INFINITY) return blobs;
  const kept: number[] = [];
  for (let i = 0; i < blobs.length; i++) {
    const pause = breather.step();
    if (pause !== undefined) await pause;
    const blob = blobs[i]!;
    const sizeBytes = table.sizeAt(blob) ?? (await reader.info(table.bytesAt(blob)))?.sizeBytes;
    if (sizeBytes === undefined || sizeBytes < bytesBelow) kept.push(blob);
  }
  return kept;
}
