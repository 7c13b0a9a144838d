import { DIFFERENCES, FIRST_CHECKPOINT_VECTORS, suspects } from "./sha1-conditions";
import { compressTracked, recompress58, recompress65 } from "./sha1-rounds";

/**
 * Detection of SHA-1 collision attacks (M. Stevens, "Counter-cryptanalysis", CRYPTO 2013; with D. Shumow, "Speeding up
 * detection of SHA-1 collision attacks using unavoidable attack conditions", USENIX Security 2017): a block is one
 * half of a colliding pair where another block, which differs from it as a disturbance vector says and shares its
 * state in mid-compression, leads to the same chaining value.
 */
const SCHEDULE_BYTES: usize = 320;
const schedule: usize = memory.data(320, 64);
const checkpoints: usize = memory.data(64, 64);
const result: usize = memory.data(32, 64);

/** Compresses one block; answers whether it is half of a collision. */
export function compressChecked(state: usize, block: usize): bool {
  compressTracked(state, block, schedule, checkpoints);
  const mask = suspects(schedule);
  return mask != 0 && confirm(mask, state);
}

/** Whether one of the vectors of the mask leads to `state` as well. */
function confirm(mask: u32, state: usize): bool {
  while (mask != 0) {
    const vector = ctz<u32>(mask);
    const differences = DIFFERENCES + (vector as usize) * SCHEDULE_BYTES;
    if ((FIRST_CHECKPOINT_VECTORS >> vector) & 1) recompress58(checkpoints, schedule, differences, result);
    else recompress65(checkpoints + 32, schedule, differences, result);
    if (sameState(result, state)) return true;
    mask &= mask - 1;
  }
  return false;
}

function sameState(one: usize, two: usize): bool {
  return (
    load<u64>(one) == load<u64>(two) &&
    load<u64>(one, 8) == load<u64>(two, 8) &&
    load<u32>(one, 16) == load<u32>(two, 16)
  );
}
