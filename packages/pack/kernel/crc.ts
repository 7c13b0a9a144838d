/** CRC-32 as zlib has it (reflected polynomial 0xedb88320), eight bytes a step from eight tables. */
const tables: usize = memory.data(8192, 64);

for (let i: u32 = 0; i < 256; i++) {
  let crc = i;
  for (let bit = 0; bit < 8; bit++) crc = (crc >> 1) ^ (0xedb88320 & (0 - (crc & 1)));
  store<u32>(tables + (i << 2), crc);
}
for (let i: u32 = 256; i < 2048; i++) {
  const crc = load<u32>(tables + ((i - 256) << 2));
  store<u32>(tables + (i << 2), (crc >> 8) ^ load<u32>(tables + ((crc & 255) << 2)));
}

function entry(table: usize, index: u32): u32 {
  return load<u32>(tables + (table << 10) + ((index & 255) << 2));
}

/** Continues `seed`, the CRC-32 of what came before (0 at the start), over `length` bytes. */
export function crc32(at: usize, length: usize, seed: u32): u32 {
  let crc = ~seed;
  const end = at + length;
  while (end - at >= 8) {
    const low = load<u32>(at) ^ crc;
    const high = load<u32>(at, 4);
    crc =
      entry(7, low) ^
      entry(6, low >> 8) ^
      entry(5, low >> 16) ^
      entry(4, low >> 24) ^
      entry(3, high) ^
      entry(2, high >> 8) ^
      entry(1, high >> 16) ^
      entry(0, high >> 24);
    at += 8;
  }
  while (at < end) crc = (crc >> 8) ^ entry(0, crc ^ (load<u8>(at++) as u32));
  return ~crc;
}
