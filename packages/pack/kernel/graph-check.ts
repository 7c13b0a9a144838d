/**
 * The checks of a pack's graph that a walk over it relies on; `checkColumns` has the columns and says what for. They
 * come stretch by stretch; what is kept of all nodes lies from `kinds` on: the kind of each node, externals too, and
 * whether others refer to it (a byte each); of entries how many bases a tree stands on (a byte, 0 where that is not
 * known yet), and three u32: how many entries a tree has, its base, and how many entries of that it needs.
 */

const COMMIT: u32 = 1;
const TREE: u32 = 2;
const BLOB: u32 = 3;
const TAG: u32 = 4;
const TREE_BY_BASE: u32 = 10;
const TYPE_MASK: u32 = 7;

const GITLINK: u32 = 0x7fffffff;
/** Sizes from here on are places in another column. */
const LARGE: u32 = 0x80000000;
const UNKNOWN: u32 = 0xffffffff;
/** Times are below 2^53. */
const MAX_TIME_HIGH: u32 = 0x200000;
/** Trees of more entries would not be read either: 512 MiB at 24 bytes an entry. */
const MAX_TREE_ENTRIES: u64 = 22369621;
const MAX_BASE_DEPTH: u32 = 64;

/** What is wrong, as `FAULTS` in `checkColumns` numbers it. */
const OVERLAP: u32 = 1;
const NO_LARGE_SIZE: u32 = 2;
const NO_BASE: u32 = 3;
const STRAY_RUN: u32 = 4;
const TOO_MANY_ENTRIES: u32 = 5;
const WRONG_TYPE: u32 = 6;
const NO_TREE: u32 = 7;
const LATE: u32 = 8;
const NO_TARGET: u32 = 9;
const NO_KIND: u32 = 10;
const LINKED_BLOB: u32 = 11;
const RUN_PAST_BASE: u32 = 12;
const TOO_DEEP: u32 = 13;

let count: u32 = 0;
let total: u32 = 0;
let largeSizes: u32 = 0;
let kinds: usize = 0;
let referred: usize = 0;
let depths: usize = 0;
let entryCounts: usize = 0;
let bases: usize = 0;
let needs: usize = 0;
/** The node at which the last check has stopped. */
let faulty: u32 = 0;

/** Starts with the nodes whose kinds are at `at`; up to 15 bytes for each node, and a few more, are used from there on. */
export function startGraphCheck(at: usize, entries: u32, nodes: u32, large: u32): void {
  count = entries;
  total = nodes;
  largeSizes = large;
  kinds = at;
  referred = at + nodes;
  depths = referred + nodes;
  entryCounts = (depths + entries + 3) & ~3;
  bases = entryCounts + (entries << 2);
  needs = bases + (entries << 2);
  memory.fill(referred, 0, nodes + entries);
}

export function faultyNode(): u32 {
  return faulty;
}

/**
 * Looks at the nodes `from` to `to - 1` by themselves: their sizes are at `sizes`, the starts of their words at `starts`
 * (one more for the end of the last), the words themselves at `words`. Answers what is wrong, or 0.
 */
export function checkGraphNodes(from: u32, to: u32, sizes: usize, starts: usize, words: usize): u32 {
  const first = load<u32>(starts);
  const all = load<u32>(starts + ((to - from) << 2)) - first;
  for (let node = from; node < to; node++) {
    faulty = node;
    const start = load<u32>(starts) - first;
    starts += 4;
    const end = load<u32>(starts) - first;
    if (start > end || end > all) return OVERLAP;
    const size = load<u32>(sizes);
    sizes += 4;
    if (size >= LARGE && size != UNKNOWN && size - LARGE >= largeSizes) return NO_LARGE_SIZE;
    const fault = checkNode(node, words + (start << 2), words + (end << 2));
    if (fault != 0) return fault;
  }
  return 0;
}

function checkNode(node: u32, at: usize, end: usize): u32 {
  const kind: u32 = load<u8>(kinds + node);
  if (kind == BLOB) return at == end ? 0 : LINKED_BLOB;
  if (kind == TREE || kind == TREE_BY_BASE) return checkTree(node, kind, at, end);
  if (kind == COMMIT) return checkCommit(at, end);
  if (kind != TAG) return NO_KIND;
  if (end - at != 4 || load<u32>(at) >= total) return NO_TARGET;
  store<u8>(referred + load<u32>(at), 1);
  return 0;
}

function checkCommit(at: usize, end: usize): u32 {
  if (end - at < 12) return NO_TREE;
  if (load<u32>(at, 4) >= MAX_TIME_HIGH) return LATE;
  let expected = TREE;
  for (at += 8; at < end; at += 4) {
    const word = load<u32>(at);
    if (word >= total || (load<u8>(kinds + word) & TYPE_MASK) != expected) return WRONG_TYPE;
    store<u8>(referred + word, 1);
    expected = COMMIT;
  }
  return 0;
}

/** What a tree copies from its base counts as referred to by that. */
function checkTree(node: u32, kind: u32, at: usize, end: usize): u32 {
  if (kind == TREE_BY_BASE) {
    const base = at < end ? load<u32>(at) : UNKNOWN;
    if (base >= count || (load<u8>(kinds + base) & TYPE_MASK) != TREE) return NO_BASE;
    store<u32>(bases + (node << 2), base);
    at += 4;
  }
  let entries: u64 = 0;
  let need: u32 = 0;
  while (at < end) {
    const word = load<u32>(at);
    at += 4;
    if (word > GITLINK) {
      if (kind == TREE || at == end) return STRAY_RUN;
      const run = word & GITLINK;
      const past = load<u32>(at) + run;
      if (run == 0 || load<u32>(at) > GITLINK) return RUN_PAST_BASE;
      if (past > need) need = past;
      entries += run;
      at += 4;
      continue;
    }
    entries++;
    if (word == GITLINK) continue;
    if (word >= total) return WRONG_TYPE;
    const type = load<u8>(kinds + word) & TYPE_MASK;
    if (type != TREE && type != BLOB) return WRONG_TYPE;
    store<u8>(referred + word, 1);
  }
  if (entries > MAX_TREE_ENTRIES) return TOO_MANY_ENTRIES;
  store<u32>(entryCounts + (node << 2), entries as u32);
  store<u32>(needs + (node << 2), need);
  return 0;
}

/** Looks at what the trees among the nodes `from` to `to - 1` need of their bases, when all nodes were looked at. */
export function checkGraphBases(from: u32, to: u32): u32 {
  for (let node = from; node < to; node++) {
    if (load<u8>(kinds + node) != TREE_BY_BASE) continue;
    faulty = node;
    if (load<u32>(needs + (node << 2)) > load<u32>(entryCounts + (baseOf(node) << 2))) return RUN_PAST_BASE;
    let steps: u32 = 0;
    let at = node;
    while (load<u8>(kinds + at) == TREE_BY_BASE && load<u8>(depths + at) == 0) {
      if (++steps > MAX_BASE_DEPTH) return TOO_DEEP;
      at = baseOf(at);
    }
    let depth = load<u8>(depths + at) + steps;
    if (depth > MAX_BASE_DEPTH) return TOO_DEEP;
    for (at = node; steps > 0; steps--) {
      store<u8>(depths + at, depth--);
      at = baseOf(at);
    }
  }
  return 0;
}

function baseOf(tree: u32): u32 {
  return load<u32>(bases + (tree << 2));
}
