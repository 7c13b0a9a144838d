import type { LinkFragment } from "../graph/link-fragment.ts";
import { createLinkWriter, type LinkWriter } from "../graph/link-writer.ts";
import { hashLength } from "../object-id.ts";
import type { ObjectFormat, ObjectType } from "../schema.ts";
import { LINK_ID_BYTES, LINK_WORD_BYTES, MAX_RANGES, type Workspace } from "./workspace.ts";

/** Where the entries of a tree start: `count` of u32 at the address `starts`, and one more for the end. */
export interface ScannedTree {
  count: number;
  /** Asks for the object checks: an odd name, mode or order, or a null id, or one that cannot be parsed. */
  isRemarkable: boolean;
  /** Where the ids of its ".gitattributes" and ".gitmodules" stand, which git itself reads; 0 for none. */
  attributesAt: number;
  modulesAt: number;
}

const NO_ROOM = -2;
/** "1 a\0" and an id: no entry is shorter than this plus the id. */
const LEAST_ENTRY_BYTES = 4;
/** Trees up to this size surely find room for their links. */
const MAX_LINKED_BYTES = 512 * 1024;

/** Links of objects that are no trees are given out in pieces of this size. */
const WRITER_BYTES = 256 * 1024;

/** Bytes that the starts of a tree of `bytes` bytes may need. */
export function startsBytes(bytes: number, hashBytes: number): number {
  return (Math.floor(bytes / (hashBytes + LEAST_ENTRY_BYTES)) + 5) * 4;
}

/** Scans trees in the kernel and gathers what all objects link to, as fragments (see `LinkFragment`). */
export class LinkOutput {
  readonly #workspace: Workspace;
  readonly #hashBytes: number;
  /** Takes full fragments; without it no links are gathered. */
  readonly #take: ((fragment: LinkFragment) => void) | undefined;
  readonly #writer: LinkWriter;
  readonly #scanned: ScannedTree = {
    count: 0,
    isRemarkable: false,
    attributesAt: 0,
    modulesAt: 0,
  };

  constructor(
    workspace: Workspace,
    format: ObjectFormat,
    take: ((fragment: LinkFragment) => void) | undefined,
  ) {
    this.#workspace = workspace;
    this.#hashBytes = hashLength(format);
    this.#take = take;
    this.#writer = createLinkWriter(format);
    this.#restart();
  }

  /** Gathers the links of a whole object that is no tree. Throws PACK_BAD_OBJECT. */
  add(entry: number, type: ObjectType, content: Uint8Array): void {
    if (this.#take === undefined || type === "blob") return;
    this.#writer.write(entry, type, content);
    this.#flushWriter(WRITER_BYTES);
  }

  /**
   * Scans a tree at `at`, whose entries' starts go to `starts`; `emit`: gathers its links, too.
   * Throws PACK_BAD_OBJECT where links are gathered and it does not parse.
   */
  scanTree(entry: number, at: number, bytes: number, starts: number, emit: boolean): ScannedTree {
    const { kernel } = this.#workspace;
    const isLinked = emit && this.#take !== undefined && bytes <= MAX_LINKED_BYTES;
    let count = kernel.exports.scanTree(entry, at, bytes, this.#hashBytes, starts, isLinked ? 1 : 0);
    if (count === NO_ROOM) {
      this.#flushTrees();
      count = kernel.exports.scanTree(entry, at, bytes, this.#hashBytes, starts, isLinked ? 1 : 0);
    }
    return this.#conclude(entry, at, bytes, count, emit && !isLinked);
  }

  /** The same for a tree made by a delta, whose copies `rangeCount` tells, from the tree of entry `base`. */
  scanTreeByBase(
    entry: number,
    base: { readonly entry: number; readonly starts: number; readonly startCount: number },
    at: number,
    bytes: number,
    starts: number,
  ): ScannedTree {
    const { kernel, ranges } = this.#workspace;
    const { rangeCount } = kernel;
    if (rangeCount < 0 || rangeCount > MAX_RANGES || bytes > MAX_LINKED_BYTES) {
      return this.scanTree(entry, at, bytes, starts, true);
    }
    const isLinked = this.#take !== undefined;
    const scan = (): number =>
      kernel.exports.scanTreeByBase(
        entry,
        base.entry,
        base.starts,
        base.startCount,
        ranges,
        rangeCount,
        at,
        bytes,
        this.#hashBytes,
        starts,
        isLinked ? 1 : 0,
      );
    let count = scan();
    if (count === NO_ROOM) {
      this.#flushTrees();
      count = scan();
    }
    return this.#conclude(entry, at, bytes, count, false);
  }

  /** Gives out what has been gathered. */
  finish(): void {
    if (this.#take === undefined) return;
    this.#flushTrees();
    this.#flushWriter(1);
  }

  #conclude(entry: number, at: number, bytes: number, count: number, write: boolean): ScannedTree {
    const { kernel } = this.#workspace;
    const scanned = this.#scanned;
    scanned.count = count;
    scanned.isRemarkable = count < 0 || kernel.exports.treeIsRemarkable() !== 0;
    scanned.attributesAt = kernel.exports.treeAttributes();
    scanned.modulesAt = kernel.exports.treeModules();
    // What is too large for the kernel's buffers, and what cannot be parsed: that throws here.
    if (this.#take !== undefined && (write || count < 0)) {
      this.#writer.write(entry, "tree", kernel.bytes.subarray(at, at + bytes));
      this.#flushWriter(WRITER_BYTES);
    }
    return scanned;
  }

  #flushWriter(leastBytes: number): void {
    if (this.#writer.sizeBytes >= leastBytes) this.#take?.(this.#writer.take());
  }

  #flushTrees(): void {
    const { kernel, linkWords, linkIds } = this.#workspace;
    const wordsEnd = kernel.exports.linkWords();
    const idsEnd = kernel.exports.linkIds();
    if (wordsEnd > linkWords) {
      this.#take?.({
        words: kernel.words.slice(linkWords >>> 2, wordsEnd >>> 2),
        oids: kernel.bytes.slice(linkIds, idsEnd),
      });
    }
    this.#restart();
  }

  #restart(): void {
    const { kernel, linkWords, linkIds } = this.#workspace;
    kernel.exports.linkInto(linkWords, linkWords + LINK_WORD_BYTES, linkIds, linkIds + LINK_ID_BYTES);
  }
}
