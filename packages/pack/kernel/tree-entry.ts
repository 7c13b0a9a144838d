/** One entry of a tree: its parts, and whether the object checks may have something to say about it. */

const SPACE: u32 = 0x20;
const DOT: u32 = 0x2e;
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

/** Where the ids of files that git itself reads stand, if the tree names them plainly; 0 where it does not. */
let attributes: usize = 0;
let modules: usize = 0;

/** Where the id of the entry ".gitattributes" of the tree scanned last stands; 0 where none was met. */
export function treeAttributes(): usize {
  return attributes;
}

/** The same of ".gitmodules". */
export function treeModules(): usize {
  return modules;
}

export function startTree(): void {
  remarkable = false;
  attributes = 0;
  modules = 0;
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
  const isDotted = byte == DOT;
  // What HFS+ ignores in front of a dot.
  if (byte == 0xe2 || byte == 0xef) remarkable = true;
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
  if (isDotted) judgeDotted(at + 1);
  return next;
}

const IGNORE: usize = memory.data<u8>([0x2e, 0x67, 0x69, 0x74, 0x69, 0x67, 0x6e, 0x6f, 0x72, 0x65]);
const ATTRIBUTES: usize = memory.data<u8>([
  0x2e, 0x67, 0x69, 0x74, 0x61, 0x74, 0x74, 0x72, 0x69, 0x62, 0x75, 0x74, 0x65, 0x73,
]);
const MODULES: usize = memory.data<u8>([0x2e, 0x67, 0x69, 0x74, 0x6d, 0x6f, 0x64, 0x75, 0x6c, 0x65, 0x73]);

/**
 * Looks at a name that starts with a dot; the id of its entry is at `id`. What begins as git's own names do, whatever
 * the case, asks for a closer look, unless it is just one of the usual files; so does what some file system may take
 * for such a name, and every link.
 */
function judgeDotted(id: usize): void {
  if (nameEnd - name <= 2 || (mode & 0o170000) == 0o120000) remarkable = true;
  for (let at = name; at < nameEnd; at++) if (load<u8>(at) > 0x7f) remarkable = true;
  // ".git" with the letters in lower case.
  if ((load<u32>(name) | 0x20202000) != 0x7469672e || isNamed(IGNORE, 10)) return;
  if (isNamed(ATTRIBUTES, 14)) attributes = id;
  else if (isNamed(MODULES, 11)) modules = id;
  else remarkable = true;
}

function isNamed(text: usize, length: usize): bool {
  return nameEnd - name == length && memory.compare(name, text, length) == 0;
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
