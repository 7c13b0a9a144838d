/** One entry of a tree: its parts, and whether the object checks may have something to say about it. */

const SPACE: u32 = 0x20;
const SLASH: u32 = 0x2f;
const BACKSLASH: u32 = 0x5c;
const TILDE: u32 = 0x7e;
const ZERO: u32 = 0x30;

/** Of the entry read last. */
export let mode: u32 = 0;
export let name: usize = 0;
export let nameEnd: usize = 0;

/** Of the tree under work. */
let remarkable: bool = false;

/** Whether the tree scanned last may have findings: an odd name, mode, order, or a null id. */
export function treeIsRemarkable(): bool {
  return remarkable;
}

export function startTree(): void {
  remarkable = false;
}

/** Notes that the tree asks for a closer look. */
export function remark(): void {
  remarkable = true;
}

/** Reads the entry at `pos` and answers where the next one starts; 0 where it is malformed. */
export function readEntry(pos: usize, end: usize, hashBytes: u32): usize {
  let at = pos;
  let value: u32 = 0;
  let byte: u32 = load<u8>(at++);
  if (byte == ZERO) remarkable = true;
  const digits = at;
  while (byte != SPACE) {
    if (byte - ZERO > 7 || at >= end) return 0;
    value = (value << 3) | (byte - ZERO);
    byte = load<u8>(at++);
  }
  if (at == digits) return 0;
  mode = value;
  name = at;
  if (at >= end) return 0;
  byte = load<u8>(at);
  // A dot, and what HFS+ ignores in front of one.
  if (byte == 0x2e || byte == 0xe2 || byte == 0xef) remarkable = true;
  while (byte != 0) {
    if (byte == SLASH || byte == BACKSLASH || byte == TILDE) remarkable = true;
    if (++at >= end) return 0;
    byte = load<u8>(at);
  }
  if (at == name) return 0;
  nameEnd = at;
  const next = at + 1 + hashBytes;
  if (next > end) return 0;
  if (!isUsual(value) || isNull(at + 1, hashBytes)) remarkable = true;
  return next;
}

export function isTree(value: u32): bool {
  return (value & 0o170000) == 0o40000;
}

/** Where the name of the sound entry at `entry` starts. */
export function nameOf(entry: usize): usize {
  let at = entry;
  while (load<u8>(at) != SPACE) at++;
  return at + 1;
}

/** The mode of the sound entry at `entry`. */
export function modeOf(entry: usize): u32 {
  let at = entry;
  let value: u32 = 0;
  for (let byte: u32 = load<u8>(at); byte != SPACE; byte = load<u8>(++at)) {
    value = (value << 3) | (byte - ZERO);
  }
  return value;
}

function isUsual(value: u32): bool {
  return value == 0o100644 || value == 0o40000 || value == 0o100755 || value == 0o120000 || value == 0o160000;
}

function isNull(at: usize, length: u32): bool {
  if (load<u64>(at) != 0) return false;
  for (let i: usize = 8; i < length; i += 4) if (load<u32>(at + i) != 0) return false;
  return true;
}
