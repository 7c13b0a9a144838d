import type { ObjectReader } from "../objects/object-view.ts";
import type { OidTable } from "../objects/oid-table.ts";
import type { Breather } from "../walk/breather.ts";

/** The blobs of fewer than `bytesBelow` bytes; those that are missing stay, so that they are missed. No content is read. */
export async function keepSmallBlobs(
  reader: ObjectReader,
  table: OidTable,
  blobs: readonly number[],
  bytesBelow: number,
  breather: Breather,
): Promise<readonly number[]> {
  if (bytesBelow === Number.POSITIVE_INFINITY) return blobs;
  const kept: number[] = [];
  for (let i = 0; i < blobs.length; i++) {
    await breather.step();
    const blob = blobs[i]!;
    const info = await reader.info(table.bytesAt(blob));
    if (info === undefined || info.sizeBytes < bytesBelow) kept.push(blob);
  }
  return kept;
}
