/** Past this, the engine's own copy is faster than a loop. */
const BULK_BYTES: usize = 512;

/** Copies between ranges that do not overlap, in steps of 16: up to 15 bytes past both are read and written. */
export function copyBytes(to: usize, from: usize, length: usize): void {
  if (length > BULK_BYTES) {
    memory.copy(to, from, length);
    return;
  }
  const end = to + length;
  while (to < end) {
    v128.store(to, v128.load(from));
    from += 16;
    to += 16;
  }
}
