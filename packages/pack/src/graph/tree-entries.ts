import { isGitlinkMode, isTreeMode, walkTree } from "../object/tree.ts";
import { KIND_BLOB, KIND_TREE } from "../scan/pack-entry.ts";
import type { ObjectFormat } from "../schema.ts";

/** The entries of a tree, a column each. */
export interface TreeEntries {
  readonly content: Uint8Array;
  readonly count: number;
  /** Where each entry starts; one more for the end. */
  readonly starts: Uint32Array;
  /** Types of the targets as packs number them; 0 for a gitlink. */
  readonly types: Uint8Array;
}

/** Finds a tree's entries. Throws PACK_BAD_OBJECT. */
export function findTreeEntries(content: Uint8Array, format: ObjectFormat): TreeEntries {
  const idBytes = format === "sha1" ? 20 : 32;
  // An entry has at least one digit, a space, a letter, NUL and an id.
  const most = Math.floor(content.length / (idBytes + 4));
  const starts = new Uint32Array(most + 1);
  const types = new Uint8Array(most);
  let count = 0;
  walkTree(content, format, (mode, oidOffset) => {
    types[count] = isGitlinkMode(mode) ? 0 : isTreeMode(mode) ? KIND_TREE : KIND_BLOB;
    count++;
    starts[count] = oidOffset + idBytes;
  });
  return { content, count, starts, types };
}

/** Whether two entries are the same in every byte. */
export function sameEntry(a: TreeEntries, i: number, b: TreeEntries, j: number): boolean {
  const from = a.starts[i]!;
  const other = b.starts[j]!;
  const length = a.starts[i + 1]! - from;
  if (b.starts[j + 1]! - other !== length) return false;
  // From behind: two versions of an entry differ in their ids.
  for (let k = length - 1; k >= 0; k--) if (a.content[from + k] !== b.content[other + k]) return false;
  return true;
}

/** Order of two entries by the bytes of their names, in which sorted trees hold them but for directories. */
export function compareNames(a: TreeEntries, i: number, b: TreeEntries, j: number): number {
  let at = nameStart(a, i);
  let other = nameStart(b, j);
  for (;;) {
    const left = a.content[at++]!;
    const right = b.content[other++]!;
    if (left !== right) return left - right;
    if (left === 0) return 0;
  }
}

function nameStart(entries: TreeEntries, i: number): number {
  let at = entries.starts[i]!;
  while (entries.content[at] !== 0x20) at++;
  return at + 1;
}
