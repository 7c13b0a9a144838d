import type { ObjectFormat, Oid } from "@millrace/pack";

/** A `fetch` request as its arguments build it up. */
export interface FetchRequest {
  readonly objectFormat: ObjectFormat;
  readonly maxWants: number;
  /** Each once, in the order asked for. */
  readonly wants: Set<Oid>;
  /** As sent: one that comes twice is acknowledged twice. */
  readonly haves: Oid[];
  done: boolean;
  waitForDone: boolean;
  thinPack: boolean;
  ofsDelta: boolean;
  includeTag: boolean;
  noProgress: boolean;
}

export function createFetchRequest(objectFormat: ObjectFormat, maxWants: number): FetchRequest {
  return {
    objectFormat,
    maxWants,
    wants: new Set(),
    haves: [],
    done: false,
    waitForDone: false,
    thinPack: false,
    ofsDelta: false,
    includeTag: false,
    noProgress: false,
  };
}
