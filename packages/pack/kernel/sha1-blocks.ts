import { accuse, isSuspected } from "./sha1-detect";
import { roundsOfFour, roundsOfOne } from "./sha1-rounds";
import { expand } from "./sha1-schedule";

/**
 * The work on blocks of 64 bytes. Expanding a message and looking for attacks in it needs no chaining value, so both
 * are always done for four blocks at once, be they of four messages or of one.
 *
 * A state takes 80 bytes, word `i` at `16 * i`: one lane of the four that lie side by side.
 */
const schedule: usize = memory.data(1280, 64);
const checkpoints: usize = memory.data(160, 64);

export function setInitialValue(state: usize): void {
  store<u32>(state, 0x67452301);
  store<u32>(state, 0xefcdab89, 16);
  store<u32>(state, 0x98badcfe, 32);
  store<u32>(state, 0x10325476, 48);
  store<u32>(state, 0xc3d2e1f0, 64);
}

export function storeDigest(state: usize, digest: usize): void {
  for (let i: usize = 0; i < 5; i++) store<u32>(digest + i * 4, bswap<u32>(load<u32>(state + i * 16)));
}

/** Takes `count` blocks, one after another, into one state; with `detect` accuses `job` where it is to be suspected. */
export function hashBlocks(state: usize, at: usize, count: usize, detect: bool, job: u32): void {
  while (count > 0) {
    const size: usize = count < 4 ? count : 4;
    // Where there are fewer, the first stands in for the others.
    const block1 = size > 1 ? at + 64 : at;
    const block2 = size > 2 ? at + 128 : at;
    const block3 = size > 3 ? at + 192 : at;
    expand(at, block1, block2, block3, schedule);
    const suspected = detect && isSuspected(schedule);
    for (let lane: usize = 0; lane < size; lane++) {
      roundsOfOne(state, schedule + lane * 4, checkpoints + lane * 4);
      if (suspected) accuse(lane, schedule + lane * 4, checkpoints + lane * 4, state, job);
    }
    at += size * 64;
    count -= size;
  }
}

/**
 * Takes one block into each of four states side by side. With `detect` accuses the jobs, u32 at `jobs` every 16 bytes,
 * of those lanes that `busy` has a bit for.
 */
export function hashFour(
  states: usize,
  block0: usize,
  block1: usize,
  block2: usize,
  block3: usize,
  detect: bool,
  busy: u32,
  jobs: usize,
): void {
  expand(block0, block1, block2, block3, schedule);
  const suspected = detect && isSuspected(schedule);
  roundsOfFour(states, schedule, checkpoints);
  if (!suspected) return;
  for (let lane: usize = 0; lane < 4; lane++) {
    const offset = lane * 4;
    if ((busy >> (lane as u32)) & 1) {
      accuse(lane, schedule + offset, checkpoints + offset, states + offset, load<u32>(jobs + lane * 16));
    }
  }
}
