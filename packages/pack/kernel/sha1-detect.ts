import { DIFFERENCES, FIRST_CHECKPOINT_VECTORS, screen, sift } from "./sha1-conditions";
import { recompress58, recompress65 } from "./sha1-rounds";

/**
 * Detection of SHA-1 collision attacks (M. Stevens, "Counter-cryptanalysis", CRYPTO 2013; with D. Shumow, "Speeding up
 * detection of SHA-1 collision attacks using unavoidable attack conditions", USENIX Security 2017): a block is one
 * half of a colliding pair where another block, which differs from it as a disturbance vector says and shares its
 * state in mid-compression, leads to the same chaining value.
 *
 * About one block in twenty is suspected. To compress its other half costs as much as a block does; suspicions wait
 * until there are four, which are looked into side by side.
 */
export const NO_JOB: u32 = 0xffffffff;

const WORDS: usize = 80;
/** A mask of suspected vectors for each of the four messages. */
const suspects: usize = memory.data(16, 16);

/** What waits for a checkpoint: the other blocks' expanded messages, the states there and at the end, the jobs. */
const SCHEDULE: usize = 0;
const CHECKPOINT: usize = 1280;
const STATE: usize = 1360;
const JOBS: usize = 1440;
const WAITING: usize = 1456;
const forFirst: usize = memory.data(1472, 64);
const forSecond: usize = memory.data(1472, 64);
const SECOND_CHECKPOINT: usize = 80;

/** The lowest number of a job in which an attack was found. */
let firstAttacked: u32 = NO_JOB;

/** Whether any of four expanded messages meets all conditions of a vector. */
export function isSuspected(schedule: usize): bool {
  return screen(schedule, suspects) && sift(schedule, suspects);
}

/** The same; answers where the masks of suspected vectors are, one for each message. */
export function findSuspects(schedule: usize): usize {
  isSuspected(schedule);
  return suspects;
}

/**
 * Looks into what a lane is suspected of, after `isSuspected`, now or with others later. `state` is its chaining value
 * after the block. The addresses are those of the lane itself.
 */
export function accuse(lane: usize, schedule: usize, checkpoints: usize, state: usize, job: u32): void {
  let mask = load<u32>(suspects + (lane << 2));
  for (; mask != 0; mask &= mask - 1) {
    const vector = ctz<u32>(mask);
    const differences = DIFFERENCES + (vector as usize) * (WORDS << 2);
    if ((FIRST_CHECKPOINT_VECTORS >> vector) & 1) {
      if (enqueue(forFirst, schedule, differences, checkpoints, state, job)) settleFirst();
    } else if (enqueue(forSecond, schedule, differences, checkpoints + SECOND_CHECKPOINT, state, job)) {
      settleSecond();
    }
  }
}

/** Looks into all that waits; answers the first job that was attacked since the last call, or NO_JOB. */
export function settle(): u32 {
  if (load<u32>(forFirst, WAITING) > 0) settleFirst();
  if (load<u32>(forSecond, WAITING) > 0) settleSecond();
  const first = firstAttacked;
  firstAttacked = NO_JOB;
  return first;
}

/** Copies what is needed into a lane of its own; answers whether that was the last. */
function enqueue(
  queue: usize,
  schedule: usize,
  differences: usize,
  checkpoint: usize,
  state: usize,
  job: u32,
): bool {
  const waiting = load<u32>(queue, WAITING);
  const lane = queue + ((waiting as usize) << 2);
  for (let t: usize = 0; t < WORDS << 2; t += 16) {
    const to = lane + (t << 2);
    const from = schedule + (t << 2);
    store<u32>(to, load<u32>(from) ^ load<u32>(differences + t));
    store<u32>(to, load<u32>(from, 16) ^ load<u32>(differences + t, 4), 16);
    store<u32>(to, load<u32>(from, 32) ^ load<u32>(differences + t, 8), 32);
    store<u32>(to, load<u32>(from, 48) ^ load<u32>(differences + t, 12), 48);
  }
  for (let i: usize = 0; i < 80; i += 16) {
    store<u32>(lane + i, load<u32>(checkpoint + i), CHECKPOINT);
    store<u32>(lane + i, load<u32>(state + i), STATE);
  }
  store<u32>(lane, job, JOBS);
  store<u32>(queue, waiting + 1, WAITING);
  return waiting == 3;
}

function settleFirst(): void {
  judge(forFirst, recompress58(forFirst + SCHEDULE, forFirst + CHECKPOINT, forFirst + STATE));
}

function settleSecond(): void {
  judge(forSecond, recompress65(forSecond + SCHEDULE, forSecond + CHECKPOINT, forSecond + STATE));
}

/** Notes which of those that waited were attacked; what lies in the other lanes is of earlier ones. */
function judge(queue: usize, attacked: u32): void {
  const waiting = load<u32>(queue, WAITING);
  for (let i: u32 = 0; i < waiting; i++) {
    if ((attacked >> i) & 1)
      firstAttacked = min<u32>(firstAttacked, load<u32>(queue + ((i as usize) << 2), JOBS));
  }
  store<u32>(queue, 0, WAITING);
}
