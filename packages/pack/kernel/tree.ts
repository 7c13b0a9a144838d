/**
 * Trees: where their entries start, what they link to, and whether anything about them asks for a closer look.
 * Entries that a delta copies whole from a tree that was scanned before are not looked at again.
 */

const GITLINK: u32 = 0;
const TREE: u32 = 2;
const BLOB: u32 = 3;
const RECORD_PLAIN: u32 = 2;
const RECORD_BY_BASE: u32 = 4;
const COPY_RUN: u32 = 0x80000000;

const MALFORMED: i32 = -1;
const NO_ROOM: i32 = -2;

/** "1 a\0" and an id: no entry is shorter than this plus the id. */
const LEAST_ENTRY: u32 = 4;

const SPACE: u32 = 0x20;
const SLASH: u32 = 0x2f;

/** Where link records go, and the ids they refer to. */
let words: usize = 0;
let wordsEnd: usize = 0;
let ids: usize = 0;
let idsEnd: usize = 0;

/** Of the tree scanned last: whether the object checks have something to say about it, perhaps. */
let remarkable: bool = false;

/** Of the entry read last. */
let mode: u32 = 0;
let name: usize = 0;
let nameEnd: usize = 0;

/** Tells where link records go from now on. */
export function linkInto(wordsAt: usize, wordsLimit: usize, idsAt: usize, idsLimit: usize): void {
  words = wordsAt;
  wordsEnd = wordsLimit;
  ids = idsAt;
  idsEnd = idsLimit;
}

/** Where the next link record goes. */
export function linkWords(): usize {
  return words;
}

/** Where the next linked id goes. */
export function linkIds(): usize {
  return ids;
}

/** Whether the tree scanned last may have findings: an odd name, mode, order, or a null id. */
export function treeIsRemarkable(): bool {
  return remarkable;
}

/**
 * Notes where each entry of a tree starts, and where the last one ends, as u32 at `starts`; with `emit` also its links.
 * Answers the number of entries, MALFORMED, or NO_ROOM for the links: then nothing was written.
 */
export function scanTree(entry: u32, at: usize, bytes: u32, hashBytes: u32, starts: usize, emit: bool): i32 {
  remarkable = false;
  const record = words;
  if (emit && !startRecord(entry, RECORD_PLAIN, bytes, hashBytes)) return NO_ROOM;
  const end = at + bytes;
  let count: i32 = 0;
  for (let pos = at; pos < end; count++) {
    store<u32>(starts + ((<usize>count) << 2), <u32>(pos - at));
    const next = readEntry(pos, end, hashBytes);
    if (next == 0) {
      words = record;
      return MALFORMED;
    }
    checkOrder(at, starts, count, hashBytes);
    if (isTree(mode)) findFileOfThisName(at, starts, count, hashBytes);
    if (emit) emitEntry(hashBytes);
    pos = next;
  }
  store<u32>(starts + ((<usize>count) << 2), bytes);
  if (emit) endRecord(record);
  return count;
}

/**
 * The same for a tree that a delta has made from one scanned before: `baseStarts` are that one's, with its end behind
 * the `baseCount` entries, and `ranges` what the delta has copied, as u32 triples of target start, base start, length.
 */
export function scanTreeByBase(
  entry: u32,
  baseEntry: u32,
  baseStarts: usize,
  baseCount: u32,
  ranges: usize,
  rangeCount: u32,
  at: usize,
  bytes: u32,
  hashBytes: u32,
  starts: usize,
  emit: bool,
): i32 {
  remarkable = false;
  const record = words;
  const idsBefore = ids;
  if (emit) {
    if (!startRecord(entry, RECORD_BY_BASE, bytes, hashBytes)) return NO_ROOM;
    emitWord(baseEntry);
  }
  const end = at + bytes;
  let count: i32 = 0;
  let range: u32 = 0;
  let next: u32 = 0;
  for (let pos = at; pos < end; ) {
    const offset = <u32>(pos - at);
    while (range < rangeCount && rangeEnd(ranges, range) <= offset) range++;
    if (range < rangeCount && rangeTarget(ranges, range) <= offset) {
      const shift = offset - rangeTarget(ranges, range);
      const from = rangeBase(ranges, range) + shift;
      const to = rangeBase(ranges, range) + rangeLength(ranges, range);
      const first = findStart(baseStarts, baseCount, from, next);
      const run = first < 0 ? 0 : runLength(baseStarts, baseCount, <u32>first, to);
      if (run > 0) {
        copyStarts(starts + ((<usize>count) << 2), baseStarts + ((<usize>first) << 2), run, offset - from);
        if (count > 0) {
          readEntry(pos, end, hashBytes);
          checkOrder(at, starts, count, hashBytes);
        }
        if (emit) {
          emitWord(COPY_RUN | run);
          emitWord(<u32>first);
        }
        next = <u32>first + run;
        count += run;
        pos += loadStart(baseStarts, next) - from;
        continue;
      }
    }
    setStart(starts, count, offset);
    const after = readEntry(pos, end, hashBytes);
    if (after == 0) {
      words = record;
      ids = idsBefore;
      return MALFORMED;
    }
    checkOrder(at, starts, count, hashBytes);
    if (emit) emitEntry(hashBytes);
    count++;
    pos = after;
  }
  setStart(starts, count, bytes);
  // A name that is a file's and a folder's at once may stand apart; the entries that were not copied are held against
  // their neighbours, now that all of them are known.
  checkFreshNames(at, starts, count, hashBytes, baseStarts, baseCount, ranges, rangeCount);
  if (emit) endRecord(record);
  return count;
}

/** Reads the entry at `pos` into the globals and answers where the next one starts; 0 where it is malformed. */
function readEntry(pos: usize, end: usize, hashBytes: u32): usize {
  let at = pos;
  let value: u32 = 0;
  let byte: u32 = load<u8>(at++);
  if (byte == 0x30) remarkable = true;
  const digits = at;
  while (byte != SPACE) {
    if (byte - 0x30 > 7 || at >= end) return 0;
    value = (value << 3) | (byte - 0x30);
    byte = load<u8>(at++);
  }
  if (at == digits) return 0;
  mode = value;
  name = at;
  if (at >= end) return 0;
  byte = load<u8>(at);
  if (byte == 0x2e || byte == 0xe2 || byte == 0xef) remarkable = true;
  while (byte != 0) {
    if (byte == SLASH || byte == 0x5c || byte == 0x7e) remarkable = true;
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

function isUsual(value: u32): bool {
  return value == 0o100644 || value == 0o40000 || value == 0o100755 || value == 0o120000 || value == 0o160000;
}

function isTree(value: u32): bool {
  return (value & 0o170000) == 0o40000;
}

function isNull(at: usize, length: u32): bool {
  if (load<u64>(at) != 0) return false;
  for (let i: usize = 8; i < length; i += 4) if (load<u32>(at + i) != 0) return false;
  return true;
}

/** Holds the entry read last, number `count`, against the one before. */
function checkOrder(at: usize, starts: usize, count: i32, hashBytes: u32): void {
  if (count == 0) return;
  const before = at + loadStart(starts, count - 1);
  const beforeName = nameOf(before);
  const beforeEnd = at + loadStart(starts, count) - hashBytes - 1;
  const beforeIsTree = isTree(modeOf(before));
  let a = beforeName;
  let b = name;
  while (a < beforeEnd && b < nameEnd) {
    const difference = <i32>load<u8>(a) - <i32>load<u8>(b);
    if (difference != 0) {
      if (difference > 0) remarkable = true;
      return;
    }
    a++;
    b++;
  }
  const x: u32 = a < beforeEnd ? load<u8>(a) : beforeIsTree ? SLASH : 0;
  const y: u32 = b < nameEnd ? load<u8>(b) : isTree(mode) ? SLASH : 0;
  if ((a == beforeEnd && b == nameEnd) || x >= y) remarkable = true;
}

/** Looks behind the folder read last for a file of the same name, which stands before all names that it begins. */
function findFileOfThisName(at: usize, starts: usize, count: i32, hashBytes: u32): void {
  const length = nameEnd - name;
  for (let i = count - 1; i >= 0; i--) {
    const other = nameOf(at + loadStart(starts, i));
    const otherEnd = at + loadStart(starts, i + 1) - hashBytes - 1;
    if (otherEnd - other < length || memory.compare(other, name, length) != 0) return;
    if (otherEnd - other == length) {
      remarkable = true;
      return;
    }
  }
}

/** Looks ahead of a file for a folder of the same name. */
function findFolderOfThisName(at: usize, starts: usize, number: i32, count: i32, hashBytes: u32): void {
  const length = nameEnd - name;
  for (let i = number + 1; i < count; i++) {
    const other = nameOf(at + loadStart(starts, i));
    const otherEnd = at + loadStart(starts, i + 1) - hashBytes - 1;
    if (otherEnd - other < length || memory.compare(other, name, length) != 0) return;
    if (otherEnd - other == length) {
      remarkable = true;
      return;
    }
  }
}

function checkFreshNames(
  at: usize,
  starts: usize,
  count: i32,
  hashBytes: u32,
  baseStarts: usize,
  baseCount: u32,
  ranges: usize,
  rangeCount: u32,
): void {
  let range: u32 = 0;
  let hint: u32 = 0;
  for (let i = 0; i < count && !remarkable; i++) {
    const start = loadStart(starts, i);
    const stop = loadStart(starts, i + 1);
    while (range < rangeCount && rangeEnd(ranges, range) < stop) range++;
    if (range < rangeCount && rangeTarget(ranges, range) <= start) {
      const from = rangeBase(ranges, range) + (start - rangeTarget(ranges, range));
      const first = findStart(baseStarts, baseCount, from, hint);
      if (first >= 0) {
        // The whole run was copied.
        const to = rangeBase(ranges, range) + rangeLength(ranges, range);
        const run = runLength(baseStarts, baseCount, <u32>first, to);
        hint = <u32>first + run;
        if (run > 0) {
          i += run - 1;
          continue;
        }
      }
    }
    name = nameOf(at + start);
    nameEnd = at + stop - hashBytes - 1;
    if (isTree(modeOf(at + start))) findFileOfThisName(at, starts, i, hashBytes);
    else findFolderOfThisName(at, starts, i, count, hashBytes);
  }
}

function nameOf(entry: usize): usize {
  let at = entry;
  while (load<u8>(at) != SPACE) at++;
  return at + 1;
}

function modeOf(entry: usize): u32 {
  let at = entry;
  let value: u32 = 0;
  for (let byte: u32 = load<u8>(at); byte != SPACE; byte = load<u8>(++at)) {
    value = (value << 3) | (byte - 0x30);
  }
  return value;
}

function loadStart(starts: usize, i: i32): u32 {
  return load<u32>(starts + ((<usize>i) << 2));
}

function setStart(starts: usize, i: i32, offset: u32): void {
  store<u32>(starts + ((<usize>i) << 2), offset);
}

function rangeTarget(ranges: usize, i: u32): u32 {
  return load<u32>(ranges + <usize>i * 12);
}

function rangeBase(ranges: usize, i: u32): u32 {
  return load<u32>(ranges + <usize>i * 12, 4);
}

function rangeLength(ranges: usize, i: u32): u32 {
  return load<u32>(ranges + <usize>i * 12, 8);
}

function rangeEnd(ranges: usize, i: u32): u32 {
  return rangeTarget(ranges, i) + rangeLength(ranges, i);
}

/** The number of the base's entry that starts at `offset`, or -1; most often it is at `hint` or just behind. */
function findStart(starts: usize, count: u32, offset: u32, hint: u32): i32 {
  let low: u32 = 0;
  let high: u32 = count;
  if (hint < count) {
    const start = loadStart(starts, hint);
    if (start == offset) return hint;
    if (start < offset) {
      low = hint + 1;
      if (low < count && loadStart(starts, low) == offset) return low;
    } else high = hint;
  }
  while (low < high) {
    const middle = (low + high) >> 1;
    const start = loadStart(starts, middle);
    if (start == offset) return middle;
    if (start < offset) low = middle + 1;
    else high = middle;
  }
  return -1;
}

/** How many of the base's entries from `first` on end at `limit` or before. */
function runLength(starts: usize, count: u32, first: u32, limit: u32): u32 {
  let low: u32 = first;
  let high: u32 = count;
  while (low < high) {
    const middle = (low + high + 1) >> 1;
    if (loadStart(starts, middle) <= limit) low = middle;
    else high = middle - 1;
  }
  return low - first;
}

/** Copies `count` starts, moved by `shift`; up to three more are scribbled over. */
function copyStarts(target: usize, source: usize, count: u32, shift: u32): void {
  const shifts = i32x4.splat(shift);
  for (let i: usize = 0; i < count; i += 4) {
    v128.store(target + (i << 2), i32x4.add(v128.load(source + (i << 2)), shifts));
  }
}

/** Begins a record; its length is filled in at its end. False where there may not be room for it. */
function startRecord(entry: u32, kind: u32, bytes: u32, hashBytes: u32): bool {
  const most: usize = bytes / (hashBytes + LEAST_ENTRY) + 1;
  if (words + 16 + (most << 3) > wordsEnd || ids + most * hashBytes > idsEnd) return false;
  emitWord(entry);
  emitWord(kind);
  words += 4;
  return true;
}

function endRecord(record: usize): void {
  store<u32>(record, <u32>((words - record) >> 2) - 3, 8);
}

function emitWord(word: u32): void {
  store<u32>(words, word);
  words += 4;
}

/** Writes the link of the entry read last. */
function emitEntry(hashBytes: u32): void {
  const kind = mode & 0o170000;
  if (kind == 0o160000) {
    emitWord(GITLINK);
    return;
  }
  emitWord(kind == 0o40000 ? TREE : BLOB);
  memory.copy(ids, nameEnd + 1, hashBytes);
  ids += hashBytes;
}
