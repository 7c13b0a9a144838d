/** Order of a tree's entries, and names that are a file's and a folder's at once. */
import { isTree, mode, modeOf, name, nameEnd, nameOf, remark } from "./tree-entry";
import { startOf } from "./tree-starts";

const SLASH: u32 = 0x2f;

/**
 * Holds the entry read last, number `count`, against the one before. Answers whether that is a file whose name this one
 * begins with: a folder of its name may follow.
 */
export function checkOrder(at: usize, starts: usize, count: i32, hashBytes: u32): bool {
  if (count == 0) return false;
  const before = at + startOf(starts, count - 1);
  const beforeEnd = at + startOf(starts, count) - hashBytes - 1;
  const beforeIsTree = isTree(modeOf(before));
  let a = nameOf(before);
  let b = name;
  while (a < beforeEnd && b < nameEnd) {
    const difference = <i32>load<u8>(a) - <i32>load<u8>(b);
    if (difference != 0) {
      if (difference > 0) remark();
      return false;
    }
    a++;
    b++;
  }
  const x: u32 = a < beforeEnd ? load<u8>(a) : beforeIsTree ? SLASH : 0;
  const y: u32 = b < nameEnd ? load<u8>(b) : isTree(mode) ? SLASH : 0;
  if ((a == beforeEnd && b == nameEnd) || x >= y) remark();
  return a == beforeEnd && !beforeIsTree;
}

/** Looks behind the folder read last for a file of the same name, which stands before all names that it begins. */
export function findFileOfThisName(at: usize, starts: usize, count: i32, hashBytes: u32): void {
  const length = nameEnd - name;
  for (let i = count - 1; i >= 0; i--) {
    const other = nameOf(at + startOf(starts, i));
    const otherEnd = at + startOf(starts, i + 1) - hashBytes - 1;
    if (otherEnd - other < length || memory.compare(other, name, length) != 0) return;
    if (otherEnd - other == length) {
      remark();
      return;
    }
  }
}
