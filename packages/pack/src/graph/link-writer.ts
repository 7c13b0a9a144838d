import { hashLength, writeOid } from "../object-id.ts";
import { readCommitLinks } from "../object/commit.ts";
import { readTagTarget } from "../object/tag.ts";
import { kindOfObjectType } from "../scan/pack-entry.ts";
import type { ObjectFormat, ObjectType } from "../schema.ts";
import {
  LINKS_COMMIT,
  LINKS_TAG,
  LINKS_TREE,
  LINKS_TREE_BY_BASE,
  type LinkFragment,
  RECORD_HEAD_WORDS,
  RUN_BIT,
} from "./link-fragment.ts";
import { compareNames, findTreeEntries, sameEntry, type TreeEntries } from "./tree-entries.ts";

/** Writes down what objects refer to, for `buildPackGraph`. */
export interface LinkWriter {
  /** Bytes written since the last `take`. */
  readonly sizeBytes: number;
  /** Writes the links of one object; `entry` is its number in pack order. Blobs have none. Throws PACK_BAD_OBJECT. */
  write(entry: number, type: ObjectType, content: Uint8Array): void;
  /**
   * Writes a tree as a difference to another tree of the pack, or plainly where that is shorter. Throws
   * PACK_BAD_OBJECT.
   */
  writeTree(entry: number, content: Uint8Array, base: { entry: number; content: Uint8Array }): void;
  /** What was written since the last call; the bytes belong to the caller. */
  take(): LinkFragment;
}

const FIRST_WORDS = 1024;
const WORD = 0x100000000;

/** Makes a writer for objects of one format. */
export function createLinkWriter(format: ObjectFormat): LinkWriter {
  const idBytes = hashLength(format);
  let words = new Uint32Array(FIRST_WORDS);
  let wordCount = 0;
  let oids = new Uint8Array(FIRST_WORDS * idBytes);
  let oidBytes = 0;
  /** The base written against last: neighbours in a pack share theirs. */
  let lastBase: TreeEntries | undefined;

  function reserveWords(more: number): void {
    if (wordCount + more <= words.length) return;
    const grown = new Uint32Array(Math.max(2 * words.length, wordCount + more));
    grown.set(words.subarray(0, wordCount));
    words = grown;
  }

  function reserveOids(more: number): void {
    if (oidBytes + more * idBytes <= oids.length) return;
    const grown = new Uint8Array(Math.max(2 * oids.length, oidBytes + more * idBytes));
    grown.set(oids.subarray(0, oidBytes));
    oids = grown;
  }

  /** Makes room for `most` items and as many ids; answers where the record starts. */
  function begin(entry: number, kind: number, most: number): number {
    reserveWords(RECORD_HEAD_WORDS + most);
    reserveOids(most);
    const start = wordCount;
    words[start] = entry;
    words[start + 1] = kind;
    wordCount = start + RECORD_HEAD_WORDS;
    return start;
  }

  function end(start: number): void {
    words[start + 2] = wordCount - start - RECORD_HEAD_WORDS;
  }

  function addOid(oid: string): void {
    writeOid(oid, oids, oidBytes);
    oidBytes += idBytes;
  }

  /** Adds one entry of a tree. */
  function addEntry(entries: TreeEntries, i: number): void {
    const type = entries.types[i]!;
    words[wordCount++] = type;
    if (type === 0) return;
    const from = entries.starts[i + 1]! - idBytes;
    for (let b = 0; b < idBytes; b++) oids[oidBytes + b] = entries.content[from + b]!;
    oidBytes += idBytes;
  }

  function writePlainTree(entry: number, entries: TreeEntries): void {
    const start = begin(entry, LINKS_TREE, entries.count);
    for (let i = 0; i < entries.count; i++) addEntry(entries, i);
    end(start);
  }

  /** `false`, and nothing is written, where the items would be no fewer than the tree has entries. */
  function writeDifference(
    entry: number,
    entries: TreeEntries,
    baseEntry: number,
    base: TreeEntries,
  ): boolean {
    const oidsBefore = oidBytes;
    // A run of one takes two words, and between two runs there is a fresh entry or a gap.
    const start = begin(entry, LINKS_TREE_BY_BASE, 1 + 2 * entries.count);
    words[wordCount++] = baseEntry;
    let j = 0;
    for (let i = 0; i < entries.count; ) {
      if (j < base.count && sameEntry(entries, i, base, j)) {
        const from = j;
        do {
          i++;
          j++;
        } while (i < entries.count && j < base.count && sameEntry(entries, i, base, j));
        words[wordCount++] = RUN_BIT + (j - from);
        words[wordCount++] = from;
        continue;
      }
      const order = j < base.count ? compareNames(entries, i, base, j) : -1;
      // Both have the name: another version. Else one of them has an entry more.
      if (order >= 0) j++;
      if (order <= 0) addEntry(entries, i++);
    }
    if (wordCount - start - RECORD_HEAD_WORDS < entries.count) {
      end(start);
      return true;
    }
    wordCount = start;
    oidBytes = oidsBefore;
    return false;
  }

  return {
    get sizeBytes() {
      return 4 * wordCount + oidBytes;
    },
    write(entry, type, content) {
      if (type === "tree") writePlainTree(entry, findTreeEntries(content, format));
      else if (type === "commit") {
        const { tree, parents, time } = readCommitLinks(content, format);
        const start = begin(entry, LINKS_COMMIT, RECORD_HEAD_WORDS + parents.length);
        words[wordCount++] = time % WORD;
        words[wordCount++] = Math.floor(time / WORD);
        words[wordCount++] = 1 + parents.length;
        addOid(tree);
        for (const parent of parents) addOid(parent);
        end(start);
      } else if (type === "tag") {
        const target = readTagTarget(content, format);
        const start = begin(entry, LINKS_TAG, 1);
        words[wordCount++] = kindOfObjectType(target.type);
        addOid(target.oid);
        end(start);
      }
    },
    writeTree(entry, content, base) {
      const entries = findTreeEntries(content, format);
      if (lastBase?.content !== base.content) lastBase = findTreeEntries(base.content, format);
      if (!writeDifference(entry, entries, base.entry, lastBase)) writePlainTree(entry, entries);
    },
    take() {
      const taken = { words: words.slice(0, wordCount), oids: oids.slice(0, oidBytes) };
      wordCount = 0;
      oidBytes = 0;
      return taken;
    },
  };
}
