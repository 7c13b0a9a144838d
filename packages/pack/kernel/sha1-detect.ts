import { DIFFERENCES, FIRST_CHECKPOINT_VECTORS, screen, sift } from "./sha1-conditions";
import { recompress58, recompress65 } from "./sha1-rounds";

/**
 * Detection of SHA-1 collision attacks (M. Stevens, "Counter-cryptanalysis", CRYPTO 2013; with D. Shumow, "Speeding up
 * detection of SHA-1 collision attacks using unavoidable attack conditions", USENIX Security 2017): a block is one
 * half of a colliding pair where another block, which differs from it as a disturbance vector says and shares its
 * state in mid-compression, leads to the same chaining value.
 */
const SCHEDULE_BYTES: usize = 320;

/** A mask of suspected vectors for each of the four messages. */
const suspects: usize = memory.data(16, 16);
/** A state in the layout of one lane. */
const result: usize = memory.data(80, 16);

/** Whether any of four expanded messages meets all conditions of a vector; about one message in twenty does. */
export function isSuspected(schedule: usize): bool {
  return screen(schedule, suspects) && sift(schedule, suspects);
}

/**
 * Whether the block of a lane is half of a collision, after `isSuspected` has answered. `state` is the lane's
 * chaining value after the block; all three addresses are those of the first lane.
 */
export function isAttacked(lane: usize, schedule: usize, checkpoints: usize, state: usize): bool {
  const offset = lane << 2;
  let mask = load<u32>(suspects + offset);
  while (mask != 0) {
    const vector = ctz<u32>(mask);
    const differences = DIFFERENCES + (vector as usize) * SCHEDULE_BYTES;
    if ((FIRST_CHECKPOINT_VECTORS >> vector) & 1) {
      recompress58(checkpoints + offset, schedule + offset, differences, result);
    } else {
      recompress65(checkpoints + offset, schedule + offset, differences, result);
    }
    if (isSameState(result, state + offset)) return true;
    mask &= mask - 1;
  }
  return false;
}

function isSameState(one: usize, two: usize): bool {
  return (
    load<u32>(one) == load<u32>(two) &&
    load<u32>(one, 16) == load<u32>(two, 16) &&
    load<u32>(one, 32) == load<u32>(two, 32) &&
    load<u32>(one, 48) == load<u32>(two, 48) &&
    load<u32>(one, 64) == load<u32>(two, 64)
  );
}
