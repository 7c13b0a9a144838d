import { PackError } from "../errors.ts";
import { hashLength } from "../object-id.ts";
import { createPace, finishPaced, type Steps } from "../read/pace.ts";
import type { ObjectFormat } from "../schema.ts";
import { badGraph } from "./bad-graph.ts";
import { checkColumns } from "./check-columns.ts";
import { finishColumns, type GatheredLinks } from "./finish-columns.ts";
import { IdTable, wordsOf } from "./id-table.ts";
import {
  LINKS_COMMIT,
  LINKS_TAG,
  LINKS_TREE,
  LINKS_TREE_BY_BASE,
  type LinkFragment,
  RECORD_HEAD_WORDS,
  RUN_BIT,
} from "./link-fragment.ts";
import {
  GITLINK,
  NODE_BLOB,
  NODE_COMMIT,
  NODE_TAG,
  NODE_TREE,
  NODE_TREE_BY_BASE,
  NODE_TYPE_MASK,
} from "./node-kind.ts";
import { PackGraph } from "./pack-graph.ts";

/** What a graph is built from; all columns in pack order. */
export interface GraphContent {
  readonly format: ObjectFormat;
  /** The pack's trailing checksum. */
  readonly packChecksum: Uint8Array;
  /** Type of each entry as packs number them: 1 commit, 2 tree, 3 blob, 4 tag. */
  readonly types: Uint8Array;
  /** Inflated bytes of each object; negative where they are not known. */
  readonly sizes: Float64Array;
  /** Raw ids, one behind another. */
  readonly oids: Uint8Array;
  /**
   * One record for each commit, tree and tag, in any order. Gone through twice, the same each time; each fragment is let
   * go of before the next is asked for.
   */
  readonly fragments: Iterable<LinkFragment> | AsyncIterable<LinkFragment>;
  readonly signal?: AbortSignal | undefined;
}

const STEP_RECORDS = 1024;

/**
 * Builds the graph of a pack out of what its objects refer to, in stretches of a few milliseconds.
 * Throws PACK_BAD_GRAPH where the fragments do not fit the pack, or where objects take others for what they are not
 * (such a pack has no graph), PACK_LIMIT_EXCEEDED, and `signal.reason`.
 */
export async function buildPackGraph(content: GraphContent): Promise<PackGraph> {
  const { signal, fragments } = content;
  const pace = createPace();
  const plan = new LinkPlan(content);
  for await (const fragment of fragments) await finishPaced(plan.measure(fragment), pace, signal);
  const filler = new LinkFiller(content, plan.finish());
  await finishPaced(filler.start(), pace, signal);
  for await (const fragment of fragments) await finishPaced(filler.fill(fragment), pace, signal);
  const columns = await finishPaced(finishColumns(filler.links()), pace, signal);
  return new PackGraph(columns, await finishPaced(checkColumns(columns), pace, signal));
}

/** Which words each entry will have: known from the records' heads, so that all words are allocated once. */
interface Places {
  readonly kinds: Uint8Array;
  /** Where each entry's words start; one more for the end of the last. */
  readonly starts: Uint32Array;
}

/** The first pass over the fragments: checks that they fit the pack, and gives each entry a place for its words. */
class LinkPlan {
  readonly #kinds: Uint8Array;
  readonly #starts: Uint32Array;
  readonly #hasRecord: Uint8Array;
  readonly #idBytes: number;

  constructor({ format, types, sizes, oids }: GraphContent) {
    const count = types.length;
    this.#idBytes = hashLength(format);
    if (sizes.length !== count || oids.length !== count * this.#idBytes)
      throw badGraph("its columns differ in length");
    this.#kinds = new Uint8Array(types);
    this.#starts = new Uint32Array(count + 1);
    this.#hasRecord = new Uint8Array(count);
  }

  *measure({ words, oids }: LinkFragment): Steps<void> {
    let records = 0;
    for (let at = 0; at < words.length; ) {
      if (++records % STEP_RECORDS === 0) yield;
      const end = endOfRecord(words, at);
      const entry = words[at]!;
      const kind = words[at + 1]!;
      if (entry >= this.#kinds.length || this.#hasRecord[entry] === 1)
        throw badGraph("a record has no entry of its own");
      if (this.#kinds[entry] !== typeOfRecord(kind))
        throw badGraph("a record is not of its entry's type", entry);
      const length = wordsOfRecord(words, at, end);
      if (kind === LINKS_COMMIT && (length - 2) * this.#idBytes > oids.length)
        throw badGraph("a fragment lacks ids");
      if (kind === LINKS_TREE_BY_BASE) this.#kinds[entry] = NODE_TREE_BY_BASE;
      this.#starts[entry + 1] = length;
      this.#hasRecord[entry] = 1;
      at = end;
    }
  }

  finish(): Places {
    const kinds = this.#kinds;
    const starts = this.#starts;
    let total = 0;
    for (let entry = 0; entry < kinds.length; entry++) {
      if ((this.#hasRecord[entry] === 1) === (kinds[entry] === NODE_BLOB)) {
        throw badGraph("an object's links are missing", entry);
      }
      total += starts[entry + 1]!;
      if (total >= 2 ** 31) throw new PackError("PACK_LIMIT_EXCEEDED", "a pack's graph has too many links");
      starts[entry + 1] = total;
    }
    return { kinds, starts };
  }
}

/** The second pass: puts numbers of nodes in the places of ids; externals are numbered as they come. */
class LinkFiller {
  readonly #content: GraphContent;
  readonly #ids: IdTable;
  readonly #idWords: number;
  readonly #count: number;
  readonly #kinds: Uint8Array;
  readonly #starts: Uint32Array;
  readonly #words: Int32Array;
  #externalKinds = new Uint8Array(256);

  constructor(content: GraphContent, { kinds, starts }: Places) {
    const idBytes = hashLength(content.format);
    this.#content = content;
    this.#count = kinds.length;
    this.#idWords = idBytes / 4;
    this.#ids = new IdTable(content.oids, kinds.length, idBytes);
    this.#kinds = kinds;
    this.#starts = starts;
    this.#words = new Int32Array(starts[kinds.length]!);
  }

  start(): Steps<void> {
    return this.#ids.fill();
  }

  *fill(fragment: LinkFragment): Steps<void> {
    const { words } = fragment;
    const ids = wordsOf(fragment.oids);
    let nextId = 0;
    let records = 0;
    for (let at = 0; at < words.length; ) {
      if (++records % STEP_RECORDS === 0) yield;
      const end = endOfRecord(words, at);
      nextId = this.#fillRecord(words, at, end, ids, nextId);
      at = end;
    }
    if (nextId !== ids.length) throw badGraph("a fragment has ids that no record refers to");
  }

  links(): GatheredLinks {
    const { format, packChecksum, sizes } = this.#content;
    return {
      format,
      packChecksum,
      sizes,
      kinds: this.#kinds,
      starts: this.#starts,
      ends: this.#starts.subarray(1),
      words: this.#words,
      externalOids: this.#ids.others,
      externalKinds: this.#externalKinds,
    };
  }

  /** Takes the record at `at`; answers which of the ids comes next. */
  #fillRecord(words: Uint32Array, at: number, end: number, ids: Uint32Array, nextId: number): number {
    const entry = words[at]!;
    const kind = words[at + 1]!;
    const to = this.#starts[entry]!;
    if (to + wordsOfRecord(words, at, end) !== this.#starts[entry + 1])
      throw badGraph("a record has changed", entry);
    const items = at + RECORD_HEAD_WORDS;
    return kind === LINKS_COMMIT
      ? this.#fillCommit(to, words, items, ids, nextId)
      : this.#fillItems(to, words, kind === LINKS_TREE_BY_BASE, items, end, ids, nextId);
  }

  #fillCommit(start: number, words: Uint32Array, items: number, ids: Uint32Array, firstId: number): number {
    const filled = this.#words;
    let to = start;
    let nextId = firstId;
    filled[to++] = words[items]!;
    filled[to++] = words[items + 1]!;
    const links = words[items + 2]!;
    for (let i = 0; i < links; i++) {
      filled[to++] = this.#resolve(ids, nextId, i === 0 ? NODE_TREE : NODE_COMMIT);
      nextId += this.#idWords;
    }
    return nextId;
  }

  #fillItems(
    start: number,
    words: Uint32Array,
    hasBase: boolean,
    items: number,
    end: number,
    ids: Uint32Array,
    firstId: number,
  ): number {
    const filled = this.#words;
    let to = start;
    let at = items;
    let nextId = firstId;
    if (hasBase) {
      if (at === end) throw badGraph("a tree's base is missing");
      filled[to++] = words[at++]!;
    }
    while (at < end) {
      const item = words[at++]!;
      if (hasBase && item >= RUN_BIT) {
        if (at === end) throw badGraph("a run does not say where it starts");
        filled[to++] = item;
        filled[to++] = words[at++]!;
      } else if (item === 0) {
        filled[to++] = GITLINK;
      } else {
        filled[to++] = this.#resolve(ids, nextId, item);
        nextId += this.#idWords;
      }
    }
    return nextId;
  }

  /** The node of the id whose words start at `at`, which is taken for an object of this type. */
  #resolve(ids: Uint32Array, at: number, type: number): number {
    if (at + this.#idWords > ids.length) throw badGraph("a fragment lacks ids");
    if (type < 1 || type > 4) throw badGraph("an item is of no known type");
    const before = this.#ids.otherCount;
    const node = this.#ids.number(ids, at);
    if (node < this.#count) {
      if ((this.#kinds[node]! & NODE_TYPE_MASK) !== type)
        throw badGraph("an object is taken for what it is not", node);
      return node;
    }
    const external = node - this.#count;
    if (this.#ids.otherCount > before) {
      if (external === this.#externalKinds.length) {
        const grown = new Uint8Array(2 * external);
        grown.set(this.#externalKinds);
        this.#externalKinds = grown;
      }
      this.#externalKinds[external] = type;
    } else if (this.#externalKinds[external] !== type) {
      throw badGraph("an external is taken for two types");
    }
    return node;
  }
}

function endOfRecord(words: Uint32Array, at: number): number {
  const end = at + RECORD_HEAD_WORDS + (words[at + 2] ?? 0);
  if (at + RECORD_HEAD_WORDS > words.length || end > words.length) throw badGraph("a record is cut off");
  return end;
}

/** How many words of the graph a record makes. */
function wordsOfRecord(words: Uint32Array, at: number, end: number): number {
  const items = at + RECORD_HEAD_WORDS;
  if (words[at + 1] !== LINKS_COMMIT) return end - items;
  if (end - items !== 3) throw badGraph("a commit's record has three items", words[at]);
  return 2 + words[items + 2]!;
}

/** The type of an entry whose record is of this kind; 0 for a kind that is none. */
function typeOfRecord(kind: number): number {
  if (kind === LINKS_COMMIT) return NODE_COMMIT;
  if (kind === LINKS_TAG) return NODE_TAG;
  return kind === LINKS_TREE || kind === LINKS_TREE_BY_BASE ? NODE_TREE : 0;
}
