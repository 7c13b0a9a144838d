/** What trees link to, written as records (see `LinkFragment`): words in one place, ids in another. */

const GITLINK: u32 = 0;
const TREE: u32 = 2;
const BLOB: u32 = 3;
const COPY_RUN: u32 = 0x80000000;

/** "1 a\0" and an id: no entry is shorter than this plus the id. */
const LEAST_ENTRY: u32 = 4;
/** Words of a record in front of its items, in bytes; the third is their number. */
const HEAD: usize = 12;

/** Where the next word and the next id go, and where there is no room any more. */
let words: usize = 0;
let wordsEnd: usize = 0;
let ids: usize = 0;
let idsEnd: usize = 0;
/** Where the present record began. */
let record: usize = 0;
let recordIds: usize = 0;

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

/** Begins the record of a tree of `bytes` bytes. False where there may not be room for it. */
export function startRecord(entry: u32, kind: u32, bytes: u32, hashBytes: u32): bool {
  const most: usize = bytes / (hashBytes + LEAST_ENTRY) + 1;
  // A run of one entry takes two words, and one goes to the base.
  if (words + HEAD + 4 + (most << 3) > wordsEnd || ids + most * hashBytes > idsEnd) return false;
  record = words;
  recordIds = ids;
  store<u32>(record, entry);
  store<u32>(record, kind, 4);
  words += HEAD;
  return true;
}

/** Ends the record with the number of its items. */
export function endRecord(): void {
  store<u32>(record, <u32>((words - record - HEAD) >> 2), 8);
}

/** Forgets the record that was begun. */
export function cancelRecord(): void {
  words = record;
  ids = recordIds;
}

export function linkWord(word: u32): void {
  store<u32>(words, word);
  words += 4;
}

/** Links to `count` entries of the base, from number `first` on. */
export function linkRun(first: u32, count: u32): void {
  linkWord(COPY_RUN | count);
  linkWord(first);
}

/** Links to what an entry of this mode names, the id at `id`. */
export function linkEntry(mode: u32, id: usize, hashBytes: u32): void {
  const kind = mode & 0o170000;
  if (kind == 0o160000) {
    linkWord(GITLINK);
    return;
  }
  linkWord(kind == 0o40000 ? TREE : BLOB);
  memory.copy(ids, id, hashBytes);
  ids += hashBytes;
}
