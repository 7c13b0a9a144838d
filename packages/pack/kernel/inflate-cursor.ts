/** Where a stream is read and written, between the parts that do it. */
export const TRUNCATED: i32 = -1;
export const CORRUPT: i32 = -2;

/** How far past the end of input the read position may go before it is sure that the stream does too. */
export const OVERREAD: usize = 8;

/** The next byte to load (u32), the count of bits held (u32), these bits (u64), and the next byte to write (u32). */
const cursor: usize = memory.data(32, 16);

export function nextByte(): usize {
  return load<u32>(cursor) as usize;
}

export function heldCount(): u32 {
  return load<u32>(cursor, 4);
}

export function heldBits(): u64 {
  return load<u64>(cursor, 8);
}

export function nextOutput(): usize {
  return load<u32>(cursor, 16) as usize;
}

export function setInput(at: usize, bits: u64, count: u32): void {
  store<u32>(cursor, at as u32);
  store<u32>(cursor, count, 4);
  store<u64>(cursor, bits, 8);
}

export function setOutput(out: usize): void {
  store<u32>(cursor, out as u32, 16);
}

/** Whether more bits were taken than the input has. */
export function isOverrun(at: usize, count: u32, sourceEnd: usize): bool {
  return at > sourceEnd && (at - sourceEnd) * 8 > (count as usize);
}

/** What a fault means: nothing, where it was made of bits past the end. */
export function fault(at: usize, count: u32, sourceEnd: usize): i32 {
  return isOverrun(at, count, sourceEnd) ? TRUNCATED : CORRUPT;
}
