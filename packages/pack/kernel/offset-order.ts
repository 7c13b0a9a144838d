/**
 * The order in which a pack's entries lie, out of an index's table of 32-bit offsets: by sorting, or as a reverse index
 * tells it. Both are big-endian in their files; `swapWords` puts a table right. It all runs once, before it is compiled
 * well, so the loops are few and short.
 */

/** An offset with this bit is a place in the table of larger ones. */
const LARGE: u32 = 0x80000000;

/** How many offsets have each digit, low digits and high ones; then where the next one with it goes. */
const lowPlaces: usize = memory.data(262144, 16);
const highPlaces: usize = memory.data(262144, 16);

/** Reverses the bytes of each of `count` 32-bit words, and of up to three behind them. */
export function swapWords(at: usize, count: u32): void {
  const end = at + ((<usize>count) << 2);
  for (; at < end; at += 16) {
    const words = v128.load(at);
    v128.store(at, v128.shuffle<u8>(words, words, 3, 2, 1, 0, 7, 6, 5, 4, 11, 10, 9, 8, 15, 14, 13, 12));
  }
}

/**
 * Writes the positions 0 to `count` - 1 to `order`, by rising offset, equal ones by position: a radix sort in two passes.
 * `spare` has room for as many; both are u32. Answers false where an offset has more than 31 bits.
 */
export function sortByOffset(offsets: usize, count: u32, order: usize, spare: usize): bool {
  const end = offsets + ((<usize>count) << 2);
  let highest: u32 = 0;
  for (let at = offsets; at < end; at += 4) highest |= load<u32>(at);
  if (highest >= LARGE) return false;
  const shift: u32 = (33 - <u32>clz<u32>(highest)) >>> 1;
  const mask: u32 = (1 << shift) - 1;
  const tableBytes: usize = (<usize>1) << (shift + 2);
  memory.fill(lowPlaces, 0, tableBytes);
  memory.fill(highPlaces, 0, tableBytes);
  for (let at = offsets; at < end; at += 4) {
    const offset = load<u32>(at);
    const low = lowPlaces + ((<usize>(offset & mask)) << 2);
    const high = highPlaces + ((<usize>(offset >>> shift)) << 2);
    store<u32>(low, load<u32>(low) + 1);
    store<u32>(high, load<u32>(high) + 1);
  }
  addUp(lowPlaces, tableBytes);
  addUp(highPlaces, tableBytes);
  for (let i: u32 = 0; i < count; i++) {
    const digit = load<u32>(offsets + ((<usize>i) << 2)) & mask;
    const next = lowPlaces + ((<usize>digit) << 2);
    const place = load<u32>(next);
    store<u32>(next, place + 1);
    store<u32>(spare + ((<usize>place) << 2), i);
  }
  for (let i: u32 = 0; i < count; i++) {
    const position = load<u32>(spare + ((<usize>i) << 2));
    const digit = load<u32>(offsets + ((<usize>position) << 2)) >>> shift;
    const next = highPlaces + ((<usize>digit) << 2);
    const place = load<u32>(next);
    store<u32>(next, place + 1);
    store<u32>(order + ((<usize>place) << 2), position);
  }
  return true;
}

/** Makes sizes into places: each is where those before it end. */
function addUp(table: usize, bytes: usize): void {
  let sum: u32 = 0;
  for (let at = table; at < table + bytes; at += 4) {
    const size = load<u32>(at);
    store<u32>(at, sum);
    sum += size;
  }
}

/**
 * Whether `count` positions at `order` are in order: rising offsets of at most 31 bits, which name each position once.
 */
export function isInOrder(offsets: usize, count: u32, order: usize): bool {
  const end = order + ((<usize>count) << 2);
  let last: i64 = -1;
  let seen: i64 = 0;
  for (let at = order; at < end; at += 4) {
    const position = load<u32>(at);
    if (position >= count) return false;
    const offset = <i64>load<u32>(offsets + ((<usize>position) << 2));
    if (offset <= last) return false;
    last = offset;
    seen |= offset;
  }
  return seen < <i64>LARGE;
}
