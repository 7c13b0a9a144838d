import { type SpanHandle, streamSpan } from "@millrace/telemetry";
import type { ResolveOptions } from "../promisor.ts";
import type { SharedPromisor } from "../shared-promisor.ts";
import type { WalkedEntry } from "../tree/tree-view.ts";
import { compilePattern, type GrepPattern } from "./pattern.ts";
import { type Context, type MatchedLine, searchFile } from "./search-file.ts";

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
  /** Which pattern it is, where several are searched for; `""` for a single one. */
  readonly tag: string;
}

/** git's own measure of what is binary (buffer_is_binary). */
const BINARY_PROBE_BYTES = 8000;
/** Files that are brought here first, so that the first hits come soon, and all at once from then on. */
const FIRST_FILES = 2000;
const FILES_AT_ONCE = 10_000;

/** Searches files in their order; those that are not here are fetched, many at once. */
export function grepFiles(
  objects: SharedPromisor,
  files: readonly WalkedEntry[],
  query: GrepQuery,
  options: ResolveOptions,
): AsyncIterable<GrepHit> {
  return streamSpan("promisor.grep", {}, (span) => search(objects, files, query, options, span));
}

async function* search(
  objects: SharedPromisor,
  files: readonly WalkedEntry[],
  query: GrepQuery,
  options: ResolveOptions,
  span: SpanHandle<"promisor.grep">,
): AsyncGenerator<GrepHit, void, undefined> {
  const { pattern, ignoreCase = false, maxCount = Number.POSITIVE_INFINITY } = query;
  const isOne = typeof pattern === "string" || pattern instanceof RegExp;
  const patterns = Object.entries(isOne ? { "": pattern } : pattern);
  const matchers = patterns.map(([tag, each]) => ({ tag, matcher: compilePattern(each, ignoreCase) }));
  const context: Context = { before: query.before ?? 0, after: query.after ?? 0 };
  const counts = { files: 0, bytes: 0, hits: 0 };
  if (maxCount <= 0) return;
  try {
    for (let from = 0, count = FIRST_FILES; from < files.length; from += count, count = FILES_AT_ONCE) {
      const some = files.slice(from, from + count);
      await objects.prefetch(
        some.map(({ oid }) => oid),
        options,
      );
      for (const { path, oid } of some) {
        const content = (objects.peek(oid) ?? (await objects.resolve(oid, options))).content;
        const bytes = Buffer.from(content.buffer, content.byteOffset, content.byteLength);
        if (query.includeBinary !== true && isBinary(bytes)) continue;
        counts.files++;
        counts.bytes += bytes.length;
        for (const { tag, matcher } of matchers) {
          for (const hit of searchFile(bytes, matcher, context)) {
            counts.hits++;
            yield { path, tag, ...hit };
            if (counts.hits >= maxCount) return;
          }
        }
      }
      options.signal?.throwIfAborted();
    }
  } finally {
    span.set("file_count", counts.files);
    span.set("scanned_bytes", counts.bytes);
    span.set("hit_count", counts.hits);
  }
}

function isBinary(bytes: Buffer): boolean {
  return bytes.subarray(0, BINARY_PROBE_BYTES).includes(0);
}
