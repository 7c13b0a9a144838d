import { PackError } from "../errors.ts";
import { hashLength } from "../object-id.ts";
import { createPace, finishPaced, type Steps } from "../read/pace.ts";
import type { ObjectFormat } from "../schema.ts";
import { assembleColumns } from "./assemble-columns.ts";
import { badGraph } from "./bad-graph.ts";
import { checkColumns } from "./check-columns.ts";
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
  /** One record for each commit, tree and tag, in any order; each fragment is let go of before the next is asked for. */
  readonly fragments: Iterable<LinkFragment> | AsyncIterable<LinkFragment>;
  readonly signal?: AbortSignal | undefined;
}

const STEP_RECORDS = 1024;

/**
 * Builds the graph of a pack out of what its objects refer to, in stretches of a few milliseconds.
 * Throws PACK_BAD_GRAPH where the fragments do not fit the pack, or where objects take others for what they are not
 * (such a pack has no graph), and `signal.reason`.
 */
export async function buildPackGraph(content: GraphContent): Promise<PackGraph> {
  const { signal } = content;
  const pace = createPace();
  const builder = new GraphBuilder(content);
  await finishPaced(builder.start(), pace, signal);
  for await (const fragment of content.fragments) await finishPaced(builder.add(fragment), pace, signal);
  return finishPaced(builder.finish(), pace, signal);
}

/** Resolves fragments to node numbers, in a pool of words; externals are numbered as they come. */
class GraphBuilder {
  readonly #content: GraphContent;
  readonly #ids: IdTable;
  readonly #idWords: number;
  readonly #count: number;
  readonly #kinds: Uint8Array;
  #externalKinds = new Uint8Array(256);
  /** Where each entry's words start and end in the pool. */
  readonly #starts: Uint32Array;
  readonly #ends: Uint32Array;
  readonly #hasRecord: Uint8Array;
  #pool = new Int32Array(16 * 1024);
  #poolWords = 0;

  constructor(content: GraphContent) {
    const { format, types, sizes, oids } = content;
    const idBytes = hashLength(format);
    const count = types.length;
    if (sizes.length !== count || oids.length !== count * idBytes)
      throw badGraph("its columns differ in length");
    this.#content = content;
    this.#count = count;
    this.#idWords = idBytes / 4;
    this.#ids = new IdTable(oids, count, idBytes);
    this.#kinds = new Uint8Array(types);
    this.#starts = new Uint32Array(count);
    this.#ends = new Uint32Array(count);
    this.#hasRecord = new Uint8Array(count);
  }

  start(): Steps<void> {
    return this.#ids.fill();
  }

  *add(fragment: LinkFragment): Steps<void> {
    const { words } = fragment;
    const ids = wordsOf(fragment.oids);
    let nextId = 0;
    let records = 0;
    for (let at = 0; at < words.length; ) {
      if (++records % STEP_RECORDS === 0) yield;
      const end = at + RECORD_HEAD_WORDS + (words[at + 2] ?? 0);
      if (at + RECORD_HEAD_WORDS > words.length || end > words.length) throw badGraph("a record is cut off");
      nextId = this.#addRecord(words, at, end, ids, nextId);
      at = end;
    }
    if (nextId !== ids.length) throw badGraph("a fragment has ids that no record refers to");
  }

  *finish(): Steps<PackGraph> {
    const { format, packChecksum, sizes } = this.#content;
    for (let entry = 0; entry < this.#count; entry++) {
      if ((this.#hasRecord[entry] === 1) === (this.#kinds[entry] === NODE_BLOB)) {
        throw badGraph("an object's links are missing", entry);
      }
    }
    const columns = yield* assembleColumns({
      format,
      packChecksum,
      sizes,
      kinds: this.#kinds,
      starts: this.#starts,
      ends: this.#ends,
      words: this.#pool,
      externalOids: this.#ids.others,
      externalKinds: this.#externalKinds,
    });
    return new PackGraph(columns, yield* checkColumns(columns));
  }

  /** Takes the record at `at`; answers which of the ids comes next. */
  #addRecord(words: Uint32Array, at: number, end: number, ids: Uint32Array, nextId: number): number {
    const entry = words[at]!;
    const kind = words[at + 1]!;
    const items = at + RECORD_HEAD_WORDS;
    if (entry >= this.#count || this.#hasRecord[entry] === 1)
      throw badGraph("a record has no entry of its own");
    if (this.#kinds[entry] !== typeOfRecord(kind))
      throw badGraph("a record is not of its entry's type", entry);
    if (kind === LINKS_COMMIT && end - items !== 3)
      throw badGraph("a commit's record has three items", entry);
    const most = kind === LINKS_COMMIT ? 2 + words[items + 2]! : end - items;
    if (kind === LINKS_COMMIT && (most - 2) * this.#idWords > ids.length)
      throw badGraph("a fragment lacks ids");
    this.#reserve(most);
    this.#starts[entry] = this.#poolWords;
    if (kind === LINKS_COMMIT) nextId = this.#addCommit(words, items, ids, nextId);
    else nextId = this.#addItems(words, kind === LINKS_TREE_BY_BASE, items, end, ids, nextId);
    if (kind === LINKS_TREE_BY_BASE) this.#kinds[entry] = NODE_TREE_BY_BASE;
    this.#ends[entry] = this.#poolWords;
    this.#hasRecord[entry] = 1;
    return nextId;
  }

  #addCommit(words: Uint32Array, items: number, ids: Uint32Array, nextId: number): number {
    this.#pool[this.#poolWords++] = words[items]!;
    this.#pool[this.#poolWords++] = words[items + 1]!;
    const links = words[items + 2]!;
    for (let i = 0; i < links; i++) {
      this.#pool[this.#poolWords++] = this.#resolve(ids, nextId, i === 0 ? NODE_TREE : NODE_COMMIT);
      nextId += this.#idWords;
    }
    return nextId;
  }

  #addItems(
    words: Uint32Array,
    hasBase: boolean,
    items: number,
    end: number,
    ids: Uint32Array,
    nextId: number,
  ): number {
    const pool = this.#pool;
    let at = items;
    if (hasBase) {
      if (at === end) throw badGraph("a tree's base is missing");
      pool[this.#poolWords++] = words[at++]!;
    }
    while (at < end) {
      const item = words[at++]!;
      if (hasBase && item >= RUN_BIT) {
        if (at === end) throw badGraph("a run does not say where it starts");
        pool[this.#poolWords++] = item;
        pool[this.#poolWords++] = words[at++]!;
      } else if (item === 0) {
        pool[this.#poolWords++] = GITLINK;
      } else {
        pool[this.#poolWords++] = this.#resolve(ids, nextId, item);
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

  #reserve(more: number): void {
    const needed = this.#poolWords + more;
    if (needed <= this.#pool.length) return;
    if (needed >= 2 ** 31) throw new PackError("PACK_LIMIT_EXCEEDED", "a pack's graph has too many links");
    const grown = new Int32Array(Math.max(needed, Math.floor(1.5 * this.#pool.length)));
    grown.set(this.#pool.subarray(0, this.#poolWords));
    this.#pool = grown;
  }
}

/** The type of an entry whose record is of this kind; 0 for a kind that is none. */
function typeOfRecord(kind: number): number {
  if (kind === LINKS_COMMIT) return NODE_COMMIT;
  if (kind === LINKS_TAG) return NODE_TAG;
  return kind === LINKS_TREE || kind === LINKS_TREE_BY_BASE ? NODE_TREE : 0;
}
