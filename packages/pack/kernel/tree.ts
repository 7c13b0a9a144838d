/**
 * Trees: where their entries start, what they link to, and whether anything about them asks for a closer look.
 * Entries that a delta copies whole from a tree that was scanned before are not looked at again.
 */
import { cancelRecord, endRecord, linkEntry, linkRun, linkWord, startRecord } from "./link-records";
import { isTree, mode, nameEnd, readEntry, remark, startTree } from "./tree-entry";
import { checkOrder, findFileOfThisName } from "./tree-order";
import { copyStarts, findStart, runLength, setStart, startOf } from "./tree-starts";

const RECORD_PLAIN: u32 = 2;
const RECORD_BY_BASE: u32 = 4;

const MALFORMED: i32 = -1;
const NO_ROOM: i32 = -2;

/**
 * Notes where each entry of a tree starts, and where the last one ends, as u32 at `starts`; with `emit` also its links.
 * Answers the number of entries, MALFORMED, or NO_ROOM for the links; of the latter two no links are left.
 */
export function scanTree(entry: u32, at: usize, bytes: u32, hashBytes: u32, starts: usize, emit: bool): i32 {
  startTree();
  if (emit && !startRecord(entry, RECORD_PLAIN, bytes, hashBytes)) return NO_ROOM;
  const end = at + bytes;
  let count: i32 = 0;
  for (let pos = at; pos < end; count++) {
    setStart(starts, count, <u32>(pos - at));
    pos = readEntry(pos, end, hashBytes);
    if (pos == 0) return malformed(emit);
    checkOrder(at, starts, count, hashBytes);
    if (isTree(mode)) findFileOfThisName(at, starts, count, hashBytes);
    if (emit) linkEntry(mode, nameEnd + 1, hashBytes);
  }
  setStart(starts, count, bytes);
  if (emit) endRecord();
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
  startTree();
  if (emit) {
    if (!startRecord(entry, RECORD_BY_BASE, bytes, hashBytes)) return NO_ROOM;
    linkWord(baseEntry);
  }
  const end = at + bytes;
  let count: i32 = 0;
  let range: u32 = 0;
  let next: u32 = 0;
  let isFresh = false;
  for (let pos = at; pos < end; ) {
    const offset = <u32>(pos - at);
    while (range < rangeCount && rangeEnd(ranges, range) <= offset) range++;
    let first: i32 = -1;
    let run: u32 = 0;
    let from: u32 = 0;
    if (range < rangeCount && rangeTarget(ranges, range) <= offset) {
      from = rangeBase(ranges, range) + offset - rangeTarget(ranges, range);
      first = findStart(baseStarts, baseCount, from, next);
      if (first >= 0) {
        run = runLength(
          baseStarts,
          baseCount,
          <u32>first,
          rangeBase(ranges, range) + rangeLength(ranges, range),
        );
      }
    }
    setStart(starts, count, offset);
    if (run > 0 && count == 0) {
      isFresh = false;
    } else {
      const after = readEntry(pos, end, hashBytes);
      if (after == 0) return malformed(emit);
      // A folder may repeat the name of a file that was not there before, from among the entries that are not read.
      if (checkOrder(at, starts, count, hashBytes) && isFresh) remark();
      isFresh = run == 0;
      if (isFresh) {
        if (isTree(mode)) findFileOfThisName(at, starts, count, hashBytes);
        if (emit) linkEntry(mode, nameEnd + 1, hashBytes);
        count++;
        pos = after;
        continue;
      }
    }
    copyStarts(starts + ((<usize>count) << 2), baseStarts + ((<usize>first) << 2), run, offset - from);
    if (emit) linkRun(<u32>first, run);
    next = <u32>first + run;
    count += run;
    pos += startOf(baseStarts, next) - from;
  }
  setStart(starts, count, bytes);
  if (emit) endRecord();
  return count;
}

function malformed(emit: bool): i32 {
  if (emit) cancelRecord();
  return MALFORMED;
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
