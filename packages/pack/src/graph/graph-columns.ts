import type { ObjectFormat } from "../schema.ts";
import type { LinkWords } from "./link-words.ts";

/**
 * The columns of a pack's graph. Nodes 0 to `count - 1` are the pack's entries in pack order; behind them come the
 * externals, objects that the pack refers to and does not have.
 */
export interface GraphColumns extends LinkWords {
  readonly format: ObjectFormat;
  /** The trailing checksum of the pack. */
  readonly packChecksum: Uint8Array;
  readonly count: number;
  /** Kind of each node (`NODE_…`); of externals, the type that they are taken for. */
  readonly kinds: Uint8Array;
  /** Inflated bytes of each entry; `SIZE_UNKNOWN`, or from `SIZE_LARGE` on the place in `largeSizes`. */
  readonly sizes: Uint32Array;
  readonly largeSizes: Float64Array;
  /** Where each entry's words start; one more for the end of the last. */
  readonly starts: Uint32Array;
  /** The same from the second on. */
  readonly ends: Uint32Array;
  /** What each entry links to, as its kind says. */
  readonly words: Int32Array;
  /** Raw ids of the externals, in their order. */
  readonly externalOids: Uint8Array;
}

/** From this word on, a size stands in `largeSizes`. */
export const SIZE_LARGE = 0x80000000;
export const SIZE_UNKNOWN = 0xffffffff;
