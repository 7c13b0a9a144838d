import type { PackBitmaps, PackIndex } from "@millrace/pack";

/** A pack that git has made bitmaps for. */
export interface BitmappedPack {
  readonly id: string;
  readonly index: PackIndex;
  readonly bitmaps: PackBitmaps;
}
