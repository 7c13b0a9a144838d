import type { AdvertisedRef, RefBatch } from "./host.ts";
import type { LineBatch } from "./line-batch.ts";
import { isRefLines, refsOf } from "./ref-batches.ts";
import type { PeeledForm } from "./ref-line-encoder.ts";

/** How refs are told. */
export interface RefTeller {
  readonly peeledForm: PeeledForm;
  /** Adds the lines of one ref. */
  tell(ref: AdvertisedRef): void;
}

/** Adds a batch of refs to `lines`, all of them by `tell` with `oneByOne`; gives the chunks that get full and answers the number of refs. */
export function* tellRefs(
  batch: RefBatch,
  lines: LineBatch,
  teller: RefTeller,
  oneByOne = false,
): Generator<Uint8Array, number, undefined> {
  if (isRefLines(batch) && !oneByOne) {
    for (let from = 0; from < batch.lines.length; ) {
      from = lines.addRefs(batch.lines, from, teller.peeledForm);
      if (lines.full) yield lines.take();
    }
    return batch.count;
  }
  let count = 0;
  for (const ref of refsOf(batch)) {
    teller.tell(ref);
    count++;
    if (lines.full) yield lines.take();
  }
  return count;
}
