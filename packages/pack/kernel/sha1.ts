import { compress } from "./sha1-rounds";
import { compressChecked } from "./sha1-detect";

/**
 * SHA-1 (FIPS 180-4) as a running hash. A state is 128 bytes: the chaining value at 0, whether to detect attacks at
 * 20, whether one was found at 24, the count of bytes at 32, the block being filled at 64.
 */
const DETECT: usize = 20;
const FOUND: usize = 24;
const COUNT: usize = 32;
const PENDING: usize = 64;

const oneState: usize = memory.data(128, 64);

export function setInitialValue(state: usize): void {
  store<u32>(state, 0x67452301, 0);
  store<u32>(state, 0xefcdab89, 4);
  store<u32>(state, 0x98badcfe, 8);
  store<u32>(state, 0x10325476, 12);
  store<u32>(state, 0xc3d2e1f0, 16);
}

export function storeDigest(state: usize, digest: usize): void {
  for (let i: usize = 0; i < 20; i += 4) store<u32>(digest + i, bswap<u32>(load<u32>(state + i)));
}

export function sha1Start(state: usize, detect: i32): void {
  setInitialValue(state);
  store<u32>(state, detect, DETECT);
  store<u32>(state, 0, FOUND);
  store<u64>(state, 0, COUNT);
}

function block(state: usize, at: usize): void {
  if (load<u32>(state, DETECT) == 0) compress(state, at);
  else if (compressChecked(state, at)) store<u32>(state, 1, FOUND);
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
    block(state, state + PENDING);
    at += missing;
  }
  while (end - at >= 64) {
    block(state, at);
    at += 64;
  }
  memory.copy(state + PENDING, at, end - at);
}

/** Answers whether no attack was found. */
export function sha1Finish(state: usize, digest: usize): i32 {
  const count = load<u64>(state, COUNT);
  const pending = state + PENDING;
  let held = (count as usize) & 63;
  store<u8>(pending + held++, 0x80);
  if (held > 56) {
    memory.fill(pending + held, 0, 64 - held);
    block(state, pending);
    held = 0;
  }
  memory.fill(pending + held, 0, 56 - held);
  store<u64>(pending, bswap<u64>(count << 3), 56);
  block(state, pending);
  storeDigest(state, digest);
  return load<u32>(state, FOUND) == 0 ? 1 : 0;
}

/** Hashes `count` byte ranges, u32 pairs (address, length) at `jobs`; answers the first with an attack in it, or -1. */
export function sha1Many(jobs: usize, count: i32, digests: usize, detect: i32): i32 {
  let first = -1;
  for (let i = 0; i < count; i++) {
    sha1Start(oneState, detect);
    sha1Update(oneState, load<u32>(jobs), load<u32>(jobs, 4));
    if (!sha1Finish(oneState, digests) && first < 0) first = i;
    jobs += 8;
    digests += 20;
  }
  return first;
}
