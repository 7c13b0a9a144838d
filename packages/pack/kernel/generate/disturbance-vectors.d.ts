/** A disturbance vector: type I or II, step K, bit b. */
export interface DisturbanceVector {
  /** Those of one type and bit, which have the same conditions, moved along the steps. */
  readonly family: number;
  readonly type: 1 | 2;
  readonly step: number;
  readonly bit: number;
  /** The step that recompression leaves from. */
  readonly start: number;
  /** 80 words. */
  readonly differences: readonly number[];
}

/** What one vector needs: bit `bitA` of word `stepA` and bit `bitB` of word `stepB` differ, or not. */
export interface Condition {
  readonly stepA: number;
  readonly bitA: number;
  readonly stepB: number;
  readonly bitB: number;
  readonly differ: boolean;
  /** The vector's number. */
  readonly vector: number;
}

export declare const VECTORS: readonly DisturbanceVector[];
export declare const CONDITIONS: readonly Condition[];
