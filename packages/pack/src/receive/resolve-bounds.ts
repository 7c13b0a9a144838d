import { KIND_BLOB } from "../scan/pack-entry.ts";
import type { PackLimits } from "../schema.ts";
import { largeTurn } from "./large-turn.ts";

/** What resolving the deltas of one pack may cost; all threads that work on it share the arrays. */
export interface ResolveBounds {
  /** Largest object or delta that is held, in bytes. */
  readonly maxHeldBytes: number;
  /** Largest blob that a delta may make, and largest object of another type, in bytes. */
  readonly maxBlobBytes: number;
  readonly maxMetadataBytes: number;
  /** Deltas that may lie between an object and one that is stored whole, itself included. */
  readonly maxDeltaDepth: number;
  /** What all deltas may make, in MiB. */
  readonly maxMadeMib: number;
  /** [0]: what they have made so far, in whole MiB. */
  readonly made: Int32Array;
  /** Who may hold large objects: see `LargeTurn`. */
  readonly turn: Int32Array;
}

const DEFAULT_MAX_DELTA_BYTES = 512 * 1024 * 1024;
const MIB = 1024 * 1024;
/**
 * What the deltas of a pack may make by default: histories of one long file or one large folder come to 50,000 times
 * their packed size, and to as much as threads make in some minutes.
 */
const DEFAULT_MADE_MIB = 64 * 1024;
const DEFAULT_MADE_PER_PACKED = 65_536;

/** The bounds of a pack of `packBytes` bytes. */
export function resolveBounds(limits: PackLimits | undefined, packBytes: number): ResolveBounds {
  const maxHeldBytes = limits?.maxDeltaBytes ?? DEFAULT_MAX_DELTA_BYTES;
  const maxBlobBytes = Math.min(maxHeldBytes, limits?.maxObjectBytes ?? maxHeldBytes);
  const made = limits?.maxMadeBytes;
  return {
    maxHeldBytes,
    maxBlobBytes,
    maxMetadataBytes: Math.min(maxBlobBytes, limits?.maxMetadataBytes ?? maxBlobBytes),
    maxDeltaDepth: limits?.maxDeltaDepth ?? Number.POSITIVE_INFINITY,
    maxMadeMib:
      made === undefined
        ? Math.max(DEFAULT_MADE_MIB, (packBytes / MIB) * DEFAULT_MADE_PER_PACKED)
        : made / MIB,
    made: new Int32Array(new SharedArrayBuffer(4)),
    turn: largeTurn,
  };
}

/** The bounds of a pack that was received once, of which each object is known to be held. */
export function storedBounds(maxObjectBytes: number): ResolveBounds {
  const limits = { maxDeltaBytes: maxObjectBytes, maxMadeBytes: Number.POSITIVE_INFINITY };
  return resolveBounds(limits, 0);
}

/** Largest object of a kind that a delta may make, in bytes. */
export function maxResultBytes(bounds: ResolveBounds, kind: number): number {
  return kind === KIND_BLOB ? bounds.maxBlobBytes : bounds.maxMetadataBytes;
}

/** Counts what one thread's deltas make into what all make. */
export class MadeMeter {
  readonly #bounds: ResolveBounds;
  #bytes = 0;

  constructor(bounds: ResolveBounds) {
    this.#bounds = bounds;
  }

  /** Counts so many bytes; answers whether all of it is more than may be. */
  add(bytes: number): boolean {
    const { made, maxMadeMib } = this.#bounds;
    this.#bytes += bytes;
    if (this.#bytes < MIB) return false;
    const whole = Math.floor(this.#bytes / MIB);
    this.#bytes -= whole * MIB;
    return Atomics.add(made, 0, whole) + whole > maxMadeMib;
  }
}
