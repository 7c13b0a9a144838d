import { BLOCK, bucketOf, hashBlock } from "./delta-hash";

/**
 * The blocks of a base by their hashes: the number of bits that choose a bucket (u32), the first block of each bucket
 * (u32, counted from 1), then for each block its hash and the next one in its bucket (two u32).
 */
const HEADER: usize = 4;
const MIN_BITS: u32 = 4;

function bitsFor(blocks: usize): u32 {
  let bits = MIN_BITS;
  while ((1 as usize) << bits < blocks && bits < 24) bits++;
  return bits;
}

/** Bytes of the index of a base. */
export function deltaIndexBytes(baseBytes: usize): usize {
  const blocks = baseBytes / BLOCK;
  return HEADER + ((1 as usize) << bitsFor(blocks)) * 4 + blocks * 8;
}

/** Indexes a base; of equal blocks in a row only the first counts. */
export function indexDeltaBase(base: usize, baseBytes: usize, index: usize): void {
  const blocks = baseBytes / BLOCK;
  const bits = bitsFor(blocks);
  const heads = index + HEADER;
  const entries = heads + ((4 as usize) << bits);
  store<u32>(index, bits);
  memory.fill(heads, 0, (4 as usize) << bits);
  let following: u32 = 0;
  // From the end, so that a bucket has its blocks in order.
  for (let block = blocks; block > 0; block--) {
    const hash = hashBlock(base + (block - 1) * BLOCK);
    const head = heads + (bucketOf(hash, bits) << 2);
    const entry = entries + (block - 1) * 8;
    let next = load<u32>(head);
    if (block < blocks && hash == following && next == ((block + 1) as u32)) next = load<u32>(entry + 8, 4);
    store<u32>(entry, hash);
    store<u32>(entry, next, 4);
    store<u32>(head, block as u32);
    following = hash;
  }
}

let found: usize = 0;

/** Where in the base the longest match of the last search starts. */
export function matchStart(): usize {
  return found;
}

/** As many blocks of one hash are looked at as git keeps of them. */
const MAX_CANDIDATES: i32 = 64;
/** A match of this length is good enough. */
const LONG_ENOUGH: usize = 4096;

/** The longest match of what starts at `at` with the blocks that have its hash; 0 where there is none of a block's length. */
export function longestMatch(
  index: usize,
  base: usize,
  baseEnd: usize,
  hash: u32,
  at: usize,
  end: usize,
): usize {
  const bits = load<u32>(index);
  const heads = index + HEADER;
  let block = load<u32>(heads + (bucketOf(hash, bits) << 2)) as usize;
  if (block == 0) return 0;
  const entries = heads + ((4 as usize) << bits);
  let longest: usize = BLOCK - 1;
  let left = MAX_CANDIDATES;
  while (block != 0) {
    const entry = entries + (block - 1) * 8;
    if (load<u32>(entry) == hash) {
      const from = base + (block - 1) * BLOCK;
      const length = matchLength(from, baseEnd, at, end);
      if (length > longest) {
        longest = length;
        found = from;
        if (length >= LONG_ENOUGH) break;
      }
      if (--left == 0) break;
    }
    block = load<u32>(entry, 4) as usize;
  }
  return longest >= BLOCK ? longest : 0;
}

function matchLength(from: usize, fromEnd: usize, at: usize, end: usize): usize {
  const start = at;
  const most = min(fromEnd - from, end - at);
  const stop = at + most;
  while (at + 8 <= stop) {
    const difference = load<u64>(from) ^ load<u64>(at);
    if (difference != 0) return at - start + ((ctz(difference) >> 3) as usize);
    at += 8;
    from += 8;
  }
  while (at < stop && load<u8>(from) == load<u8>(at)) {
    at++;
    from++;
  }
  return at - start;
}
