import { type SpanHandle, streamSpan } from "@millrace/telemetry";
import { Pace } from "../pace.ts";
import type { ResolveOptions } from "../promisor.ts";
import type { SharedPromisor } from "../shared-promisor.ts";
import type { GitObject } from "../source/object-source.ts";
import type { WalkedEntry } from "../tree/tree-view.ts";
import { compilePatterns, type GrepPattern, type PatternGroup } from "./pattern.ts";
import { type Context, FileSearch, type MatchedLine, partEnd } from "./search-file.ts";

/** What is searched for, and where. */
export interface GrepQuery {
  /** One pattern, or several by a tag each, all of which are searched for in one pass. */
  readonly pattern: GrepPattern | Readonly<Record<string, GrepPattern>>;
  /** Paths that match this pattern. Default: all. */
  readonly paths?: string | undefined;
  readonly ignoreCase?: boolean | undefined;
  /** Hits after which the search ends. Default: none. */
  readonly maxCount?: number | undefined;
  /** Whether files are searched that have a NUL among their first 8,000 bytes, as git tells them. Default false. */
  readonly includeBinary?: boolean | undefined;
  /** Lines before each hit. Default 0. */
  readonly before?: number | undefined;
  /** Lines after each hit. Default 0. */
  readonly after?: number | undefined;
}

/** A line that matches. */
export interface GrepHit extends MatchedLine {
  readonly path: string;
}

/** git's own measure of what is binary (buffer_is_binary). */
const BINARY_PROBE_BYTES = 8000;
/** Files that are brought here first, so that the first hits come soon, and all at once from then on. */
const FIRST_FILES = 2000;
const FILES_AT_ONCE = 10_000;

/** Searches files in their order, folder by folder; those that are not here are fetched, many at once. */
export function grepFiles(
  objects: SharedPromisor,
  folders: AsyncIterable<readonly WalkedEntry[]>,
  query: GrepQuery,
  options: ResolveOptions,
): AsyncIterable<GrepHit> {
  const all = patternsOf(query);
  const metadata = { pattern: Object.values(all).join(", "), paths: query.paths };
  return streamSpan("promisor.grep", metadata, (span) => {
    span.set("pattern_count", Object.keys(all).length);
    return new Search(objects, all, query, options).run(folders, span);
  });
}

/** Lines in vain behind which a group's words are judged, and how many bytes there should be for each. */
const FAIR_MISSES = 256;
const BYTES_FOR_MISS = 200;

/** Patterns under search, and what it has cost so far. */
interface GroupInUse {
  readonly group: PatternGroup;
  bytes: number;
  looked: number;
  missed: number;
}

class Search {
  readonly #objects: SharedPromisor;
  readonly #query: GrepQuery;
  readonly #options: ResolveOptions;
  readonly #context: Context;
  readonly #pace = new Pace();
  #groups: readonly GroupInUse[];
  #filesAtOnce = FILES_AT_ONCE;

  constructor(
    objects: SharedPromisor,
    patterns: Readonly<Record<string, GrepPattern>>,
    query: GrepQuery,
    options: ResolveOptions,
  ) {
    this.#objects = objects;
    this.#query = query;
    this.#options = options;
    this.#context = { before: query.before ?? 0, after: query.after ?? 0 };
    this.#groups = compilePatterns(patterns, query.ignoreCase ?? false).map(inUse);
  }

  async *run(
    folders: AsyncIterable<readonly WalkedEntry[]>,
    span: SpanHandle<"promisor.grep">,
  ): AsyncGenerator<GrepHit, void, undefined> {
    const { maxCount = Number.POSITIVE_INFINITY, includeBinary = false } = this.#query;
    const { signal } = this.#options;
    const counts = { files: 0, bytes: 0, hits: 0 };
    if (maxCount <= 0) return;
    try {
      for await (const files of inBatches(folders)) {
        for (let i = 0; i < files.length; i++) {
          const { path, oid } = files[i]!;
          const { content } = this.#objects.peek(oid) ?? (await this.#bring(files, i));
          const bytes = asBuffer(content);
          if (this.#pace.isDue()) await this.#pace.rest(signal);
          if (!includeBinary && isBinary(bytes)) continue;
          counts.files++;
          counts.bytes += bytes.length;
          const searches = this.#groups.map(({ group }) => new FileSearch(bytes, group, this.#context));
          for (let start = 0, end = 0; start < bytes.length; start = end) {
            end = partEnd(bytes, start);
            for (const hit of hitsOf(searches, start, end)) {
              counts.hits++;
              yield { path, ...hit };
              if (counts.hits >= maxCount) return;
              if (this.#pace.isDue()) await this.#pace.rest(signal);
            }
            if (this.#pace.isDue()) await this.#pace.rest(signal);
          }
          this.#judge(searches, bytes.length);
        }
      }
    } finally {
      span.set("file_count", counts.files);
      span.set("scanned_bytes", counts.bytes);
      span.set("hit_count", counts.hits);
    }
  }

  /** Brings a file here and those behind it: as many as the cache has room for. */
  async #bring(files: readonly WalkedEntry[], at: number): Promise<GitObject> {
    const { oid } = files[at]!;
    // It may be in the store, if not in memory.
    if (!this.#objects.isHere(oid)) {
      const some = files.slice(at, at + this.#filesAtOnce);
      await this.#objects.prefetch(
        some.map((file) => file.oid),
        this.#options,
      );
      // Where the later ones have driven out the first, there were too many.
      if (!this.#objects.isHere(oid)) this.#filesAtOnce = Math.max(1, some.length >>> 1);
    }
    return this.#objects.resolve(oid, this.#options);
  }

  /** Patterns whose words stand in many lines that do not match are searched for in another way. */
  #judge(searches: readonly FileSearch[], bytes: number): void {
    let isWorthless = false;
    for (const [i, use] of this.#groups.entries()) {
      use.bytes += bytes;
      use.looked += searches[i]!.looked;
      use.missed += searches[i]!.missed;
      isWorthless ||= isInVain(use);
    }
    if (!isWorthless) return;
    this.#groups = this.#groups.flatMap((use) => (isInVain(use) ? use.group.instead!.map(inUse) : [use]));
  }
}

/** The patterns by their tags. */
function patternsOf({ pattern }: GrepQuery): Readonly<Record<string, GrepPattern>> {
  return typeof pattern === "string" || pattern instanceof RegExp ? { "": pattern } : pattern;
}

function inUse(group: PatternGroup): GroupInUse {
  return { group, bytes: 0, looked: 0, missed: 0 };
}

function isInVain({ group, bytes, looked, missed }: GroupInUse): boolean {
  if (group.instead === undefined || missed < FAIR_MISSES) return false;
  return bytes < missed * BYTES_FOR_MISS && looked < 2 * missed;
}

/** The hits of a part of a file in the order of its lines, those of a line in the order of the searches. */
function hitsOf(searches: readonly FileSearch[], start: number, end: number): Iterable<MatchedLine> {
  const [only] = searches;
  return searches.length === 1 ? only!.search(start, end) : merged(searches, start, end);
}

function* merged(
  searches: readonly FileSearch[],
  start: number,
  end: number,
): Generator<MatchedLine, void, undefined> {
  const waiting = searches.map((search) => search.search(start, end));
  const next = waiting.map((hits) => hits.next());
  for (;;) {
    let first = -1;
    for (let i = 0; i < next.length; i++) {
      if (next[i]!.done === true) continue;
      if (first < 0 || lineOf(next[i]!) < lineOf(next[first]!)) first = i;
    }
    if (first < 0) return;
    yield next[first]!.value as MatchedLine;
    next[first] = waiting[first]!.next();
  }
}

function lineOf({ value }: IteratorResult<MatchedLine, void>): number {
  return (value as MatchedLine).line;
}

/** Files of several folders at a time: a few at first, so that the first hits come soon. */
async function* inBatches(
  folders: AsyncIterable<readonly WalkedEntry[]>,
): AsyncGenerator<readonly WalkedEntry[], void, undefined> {
  let batch: WalkedEntry[] = [];
  let most = FIRST_FILES;
  for await (const files of folders) {
    // One by one: a folder may have more than can be arguments of a call.
    for (const file of files) batch.push(file);
    if (batch.length < most) continue;
    yield batch;
    batch = [];
    most = FILES_AT_ONCE;
  }
  yield batch;
}

function asBuffer(content: Uint8Array): Buffer {
  if (Buffer.isBuffer(content)) return content;
  return Buffer.from(content.buffer, content.byteOffset, content.byteLength);
}

function isBinary(bytes: Buffer): boolean {
  return bytes.subarray(0, BINARY_PROBE_BYTES).includes(0);
}
