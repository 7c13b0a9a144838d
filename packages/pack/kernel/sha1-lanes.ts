import { hashBlocks, hashFour, setInitialValue, storeDigest } from "./sha1-blocks";
import { settle } from "./sha1-detect";

/**
 * SHA-1 of many messages, four at a time. A lane that is through with its message takes the next from the list, so all
 * four are at work until the list ends; the last message is hashed alone.
 */
const states: usize = memory.data(80, 64);

/** What a lane is at: its job, the next block, how many follow at hand, and how many in its tail after those. */
const JOB: usize = 0;
const NEXT: usize = 4;
const BLOCKS: usize = 8;
const TAIL_BLOCKS: usize = 12;
const lanes: usize = memory.data(64, 64);
/** The padded end of each lane's message, up to two blocks, with room for the zeros that are written past them. */
const TAIL_BYTES: usize = 256;
const tails: usize = memory.data(1024, 64);

/** Lanes at work, a bit for each. */
let busy: u32 = 0;
let nextJob: i32 = 0;

/** Puts the rest of a message and its padding (FIPS 180-4, section 5.1.1) into a lane's tail; answers its blocks. */
function padTail(tail: usize, rest: usize, restBytes: usize, messageBytes: usize): usize {
  for (let i: usize = 0; i < 64; i += 16) v128.store(tail + i, v128.load(rest + i));
  const zeros = i32x4.splat(0);
  for (let i: usize = 0; i < 128; i += 16) v128.store(tail + restBytes + i, zeros);
  store<u8>(tail + restBytes, 0x80);
  const blocks: usize = restBytes < 56 ? 1 : 2;
  store<u64>(tail + (blocks << 6) - 8, bswap<u64>((messageBytes as u64) << 3));
  return blocks;
}

/** Gives a lane the next job of the list, or none. */
function refill(index: usize, jobs: usize, count: i32): void {
  if (nextJob == count) {
    busy &= ~((1 as u32) << (index as u32));
    return;
  }
  const lane = lanes + (index << 4);
  const tail = tails + index * TAIL_BYTES;
  const at = load<u32>(jobs + (nextJob << 3)) as usize;
  const length = load<u32>(jobs + (nextJob << 3), 4) as usize;
  const blocks = length >> 6;
  const tailBlocks = padTail(tail, at + (blocks << 6), length & 63, length);
  setInitialValue(states + (index << 2));
  store<u32>(lane, nextJob++, JOB);
  if (blocks == 0) {
    store<u32>(lane, tail as u32, NEXT);
    store<u32>(lane, tailBlocks as u32, BLOCKS);
    store<u32>(lane, 0, TAIL_BLOCKS);
  } else {
    store<u32>(lane, at as u32, NEXT);
    store<u32>(lane, blocks as u32, BLOCKS);
    store<u32>(lane, tailBlocks as u32, TAIL_BLOCKS);
  }
}

/** Takes `count` blocks into every lane. Idle lanes do what another one does. */
function advance(count: u32, detect: bool): void {
  const stand = load<u32>(lanes + ((ctz<u32>(busy) as usize) << 4), NEXT) as usize;
  let block0: usize = busy & 1 ? (load<u32>(lanes, NEXT) as usize) : stand;
  let block1: usize = busy & 2 ? (load<u32>(lanes, NEXT + 16) as usize) : stand;
  let block2: usize = busy & 4 ? (load<u32>(lanes, NEXT + 32) as usize) : stand;
  let block3: usize = busy & 8 ? (load<u32>(lanes, NEXT + 48) as usize) : stand;
  for (; count > 0; count--) {
    hashFour(states, block0, block1, block2, block3, detect, busy, lanes + JOB);
    block0 += 64;
    block1 += 64;
    block2 += 64;
    block3 += 64;
  }
}

/** Moves a lane on behind blocks that were taken; answers whether its message is through. */
function isThrough(index: usize, taken: u32): bool {
  const lane = lanes + (index << 4);
  const blocks = load<u32>(lane, BLOCKS) - taken;
  if (blocks > 0) {
    store<u32>(lane, load<u32>(lane, NEXT) + (taken << 6), NEXT);
    store<u32>(lane, blocks, BLOCKS);
    return false;
  }
  const tailBlocks = load<u32>(lane, TAIL_BLOCKS);
  store<u32>(lane, (tails + index * TAIL_BYTES) as u32, NEXT);
  store<u32>(lane, tailBlocks, BLOCKS);
  store<u32>(lane, 0, TAIL_BLOCKS);
  return tailBlocks == 0;
}

/**
 * Hashes `count` byte ranges, u32 pairs (address, length) at `jobs`; digests of 20 bytes go to `digests`. With `detect`
 * answers the number of the first job that is attacked, else -1. Reads up to 64 bytes past each range.
 */
export function sha1Many(jobs: usize, count: i32, digests: usize, detect: i32): i32 {
  const detecting = detect != 0;
  busy = 15;
  nextJob = 0;
  for (let index: usize = 0; index < 4; index++) refill(index, jobs, count);

  while (popcnt<u32>(busy) > 1) {
    let blocks: u32 = 0xffffffff;
    for (let index: usize = 0; index < 4; index++) {
      if ((busy >> (index as u32)) & 1) blocks = min<u32>(blocks, load<u32>(lanes + (index << 4), BLOCKS));
    }
    advance(blocks, detecting);
    for (let index: usize = 0; index < 4; index++) {
      if (((busy >> (index as u32)) & 1) == 0 || !isThrough(index, blocks)) continue;
      storeDigest(states + (index << 2), digests + (load<u32>(lanes + (index << 4), JOB) as usize) * 20);
      refill(index, jobs, count);
    }
  }

  if (busy != 0) {
    const index = ctz<u32>(busy) as usize;
    const lane = lanes + (index << 4);
    const state = states + (index << 2);
    const job = load<u32>(lane, JOB);
    let blocks: u32;
    do {
      blocks = load<u32>(lane, BLOCKS);
      hashBlocks(state, load<u32>(lane, NEXT), blocks, detecting, job);
    } while (!isThrough(index, blocks));
    storeDigest(state, digests + (job as usize) * 20);
  }
  // NO_JOB is -1 here.
  return settle() as i32;
}
