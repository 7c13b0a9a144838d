/** Where the entries of a tree start: a list of u32, rising, with the tree's end behind the last. */

export function startOf(starts: usize, i: i32): u32 {
  return load<u32>(starts + ((<usize>i) << 2));
}

export function setStart(starts: usize, i: i32, offset: u32): void {
  store<u32>(starts + ((<usize>i) << 2), offset);
}

/** The number of the entry that starts at `offset`, or -1; most often it is at `hint` or just behind. */
export function findStart(starts: usize, count: u32, offset: u32, hint: u32): i32 {
  let low: u32 = 0;
  let high: u32 = count;
  if (hint < count) {
    const start = startOf(starts, hint);
    if (start == offset) return hint;
    if (start < offset) {
      low = hint + 1;
      if (low < count && startOf(starts, low) == offset) return low;
    } else high = hint;
  }
  while (low < high) {
    const middle = (low + high) >> 1;
    const start = startOf(starts, middle);
    if (start == offset) return middle;
    if (start < offset) low = middle + 1;
    else high = middle;
  }
  return -1;
}

/** How many entries from `first` on end at `limit` or before. */
export function runLength(starts: usize, count: u32, first: u32, limit: u32): u32 {
  let low: u32 = first;
  let high: u32 = count;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (startOf(starts, middle) <= limit) low = middle;
    else high = middle - 1;
  }
  return low - first;
}

/** Copies `count` starts, moved by `shift`; up to three more are scribbled over. */
export function copyStarts(target: usize, source: usize, count: u32, shift: u32): void {
  const shifts = i32x4.splat(shift);
  for (let i: usize = 0; i < count; i += 4) {
    v128.store(target + (i << 2), i32x4.add(v128.load(source + (i << 2)), shifts));
  }
}
