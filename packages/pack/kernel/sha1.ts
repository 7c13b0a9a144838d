import { hashBlocks, setInitialValue, storeDigest } from "./sha1-blocks";
import { NO_JOB, settle } from "./sha1-detect";

/**
 * SHA-1 (FIPS 180-4) as a running hash. A state takes 192 bytes: the chaining value (80 bytes, see sha1-blocks), then
 * whether to detect attacks, whether one was found, the count of bytes, and the block being filled.
 */
const DETECT: usize = 84;
const FOUND: usize = 88;
const COUNT: usize = 96;
const PENDING: usize = 128;

export function sha1Start(state: usize, detect: i32): void {
  setInitialValue(state);
  store<u32>(state, detect, DETECT);
  store<u32>(state, 0, FOUND);
  store<u64>(state, 0, COUNT);
}

function take(state: usize, at: usize, blocks: usize): void {
  const detect = load<u32>(state, DETECT) != 0;
  hashBlocks(state, at, blocks, detect, 0);
  if (detect && settle() != NO_JOB) store<u32>(state, 1, FOUND);
}

export function sha1Update(state: usize, at: usize, length: usize): void {
  const count = load<u64>(state, COUNT);
  store<u64>(state, count + (length as u64), COUNT);
  const held = (count as usize) & 63;
  const end = at + length;
  if (held != 0) {
    const missing: usize = (64 as usize) - held;
    if (length < missing) {
      memory.copy(state + PENDING + held, at, length);
      return;
    }
    memory.copy(state + PENDING + held, at, missing);
    take(state, state + PENDING, 1);
    at += missing;
  }
  const blocks = (end - at) >> 6;
  take(state, at, blocks);
  at += blocks << 6;
  memory.copy(state + PENDING, at, end - at);
}

/** Writes the digest; answers whether no attack was found. */
export function sha1Finish(state: usize, digest: usize): i32 {
  const count = load<u64>(state, COUNT);
  const pending = state + PENDING;
  let held = (count as usize) & 63;
  store<u8>(pending + held++, 0x80);
  if (held > 56) {
    memory.fill(pending + held, 0, 64 - held);
    take(state, pending, 1);
    held = 0;
  }
  memory.fill(pending + held, 0, 56 - held);
  store<u64>(pending, bswap<u64>(count << 3), 56);
  take(state, pending, 1);
  storeDigest(state, digest);
  return load<u32>(state, FOUND) == 0 ? 1 : 0;
}
