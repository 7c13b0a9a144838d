import type { Oid } from "@millrace/pack";
import { span, type SpanHandle, streamSpan } from "@millrace/telemetry";
import { PromisorError } from "../errors.ts";
import { type GrepHit, grepFiles, type GrepQuery } from "../grep/grep.ts";
import { Pace } from "../pace.ts";
import type { ResolveOptions } from "../promisor.ts";
import type { SharedPromisor } from "../shared-promisor.ts";
import { entriesOf, type Entry, type EntryKind } from "./entry.ts";
import { compileGlob } from "./glob.ts";
import { type LineRange, type NumberedLine, LinePicker } from "./lines.ts";
import { logCommits, type LogOptions, type LoggedCommit } from "./log.ts";
import { namesOf } from "./path.ts";
import { type RefSource, resolveName } from "./resolve-name.ts";

/** What is at a path. */
export interface Stat {
  readonly kind: EntryKind;
  readonly mode: number;
  readonly oid: Oid;
  /** Bytes of a file; `undefined` for folders and submodules, and where only fetching the file would tell. */
  readonly sizeBytes: number | undefined;
}

/** A file of a tree, a link or a submodule; folders are told by the paths in them. */
export interface WalkedEntry {
  readonly path: string;
  readonly kind: Exclude<EntryKind, "tree">;
  readonly mode: number;
  readonly oid: Oid;
}

/** Bytes of a file, counted from 0; what lies behind its end is left out. */
export interface ByteRange {
  /** The first. Default 0. */
  readonly from?: number | undefined;
  /** The one behind the last. Default: the file's end. */
  readonly to?: number | undefined;
}

/** How far a prefetch has come. */
export interface PrefetchProgress {
  readonly objects: number;
  readonly total: number;
}

/** Where a tree is opened. */
export interface TreeSource {
  readonly objects: SharedPromisor;
  /** For names of refs; without it only ids are known. */
  readonly refs?: RefSource | undefined;
}

/** Trees nest no deeper than this; a path has 4,096 bytes on most systems. */
const MAX_DEPTH = 2048;
const BLOBS_AT_ONCE = 5000;

/**
 * Opens the tree that a name leads to: a ref as git looks it up, an id, the beginning of one, a tag.
 * Throws `PROMISOR_UNKNOWN_NAME`, `PROMISOR_WRONG_KIND`, and as `SharedPromisor.resolve`.
 */
export function openTree(source: TreeSource, name: string, options: ResolveOptions = {}): Promise<TreeView> {
  return span("promisor.open_tree", { name }, async () => {
    const { tree, commit } = await resolveName(source.objects, source.refs, name, options.signal);
    return new TreeView(source.objects, tree, commit);
  });
}

/**
 * The files of one tree, fetched as they are read. Every method that waits throws as `SharedPromisor.resolve`, and
 * `PROMISOR_BAD_TREE`; those that take a path `PROMISOR_NOT_FOUND`, `PROMISOR_WRONG_KIND` and `PROMISOR_BAD_ARGUMENT`.
 */
export class TreeView {
  readonly tree: Oid;
  /** The commit that has the tree; `undefined` where it was opened by its own id. */
  readonly commit: Oid | undefined;
  readonly #objects: SharedPromisor;

  /** @internal Use `openTree`. */
  constructor(objects: SharedPromisor, tree: Oid, commit: Oid | undefined) {
    this.#objects = objects;
    this.tree = tree;
    this.commit = commit;
  }

  /** A file's bytes, which are shared with the cache: read, do not write. A link's are where it leads. */
  readFile(path: string, options: ResolveOptions = {}): Promise<Uint8Array> {
    return span("promisor.read_file", { path }, async (handle) => {
      const { content } = await this.#objects.resolve(await this.#findFile(path, options), options);
      handle.set("file_bytes", content.length);
      return content;
    });
  }

  /**
   * A file piece by piece, or the bytes of it from `from` to before `to`, as `readBytes` counts them; the pieces are the
   * receiver's. See `SharedPromisor.stream` for what is held meanwhile. Fetching, and what it throws, comes with the first piece.
   */
  async *streamFile(
    path: string,
    { from = 0, to = Number.MAX_SAFE_INTEGER, ...options }: ByteRange & ResolveOptions = {},
  ): AsyncGenerator<Uint8Array, void, undefined> {
    checkRange(from, to);
    const { content } = await this.#objects.stream(await this.#findFile(path, options), options);
    let at = 0;
    for await (const piece of content) {
      const part = piece.subarray(Math.max(0, from - at), Math.max(0, to - at));
      if (part.length > 0) yield part;
      at += piece.length;
      if (at >= to) return;
    }
  }

  /**
   * Bytes of a file from `from` to before `to`, both counted from 0; what lies behind the end is left out. The file is fetched
   * as a whole. Throws `PROMISOR_BAD_ARGUMENT` for what are no such places.
   */
  async readBytes(path: string, range: ByteRange, options: ResolveOptions = {}): Promise<Uint8Array> {
    const { from = 0, to = Number.MAX_SAFE_INTEGER } = range;
    checkRange(from, to);
    const here = this.#objects.peek(await this.#findFile(path, options));
    if (here !== undefined) return here.content.subarray(from, to);
    const pieces: Uint8Array[] = [];
    for await (const piece of this.streamFile(path, { from, to, ...options })) pieces.push(piece);
    return Buffer.concat(pieces);
  }

  /**
   * Lines of a file that lie in these ranges, each once, in order; see `LineRange`.
   * Throws `PROMISOR_BAD_ARGUMENT` for lines below 1 and what is no whole number.
   */
  async readLines(
    path: string,
    ranges: readonly LineRange[],
    options: ResolveOptions = {},
  ): Promise<NumberedLine[]> {
    const picker = new LinePicker(ranges);
    const found: NumberedLine[] = [];
    for await (const piece of this.streamFile(path, options)) {
      for (const line of picker.push(piece)) found.push(line);
      if (picker.isDone) return found;
    }
    return [...found, ...picker.end()];
  }

  /**
   * The commits behind this one that changed what is at a path, newest first, as `git log -- path` tells them by default: where
   * a merge took the path as it is from one of its sides, only that side is followed. Without a path, all commits.
   * What is missing of the history is fetched in one request: commits alone without a path, else with their trees.
   * Throws `PROMISOR_WRONG_KIND` for a tree that was opened by its own id.
   */
  log(options: LogOptions = {}): AsyncGenerator<LoggedCommit, void, undefined> {
    return logCommits(this.#objects, this.#commit(), options);
  }

  /** The entries of a folder, in git's order. */
  list(path = "", options: ResolveOptions = {}): Promise<readonly Entry[]> {
    return span("promisor.list", { path }, async (handle) => {
      const entry = await this.#find(path, options);
      if (entry.kind !== "tree") throw wrongKind(path, entry.kind);
      const entries = await this.#entries(entry.oid, options);
      handle.set("entry_count", entries.length);
      return entries;
    });
  }

  /** What is at a path. A file that is not here is not fetched for its size: the source is asked, where it can tell. */
  async stat(path: string, options: ResolveOptions = {}): Promise<Stat> {
    const { kind, mode, oid } = await this.#find(path, options);
    const hasSize = kind !== "tree" && kind !== "submodule";
    return {
      kind,
      mode,
      oid,
      sizeBytes: hasSize ? (await this.#objects.sizes([oid], options)).get(oid) : undefined,
    };
  }

  /** Whether there is anything at a path. */
  async exists(path: string, options: ResolveOptions = {}): Promise<boolean> {
    try {
      await this.#find(path, options);
      return true;
    } catch (error) {
      if (error instanceof PromisorError && error.code === "PROMISOR_NOT_FOUND") return false;
      throw error;
    }
  }

  /** All files below a folder, those of one folder at a time, before those of its folders, in git's order. */
  walk(path = "", options: ResolveOptions = {}): AsyncIterable<readonly WalkedEntry[]> {
    return streamSpan("promisor.walk", { path }, (handle) => this.#walk(path, options, handle));
  }

  async *#walk(
    path: string,
    options: ResolveOptions,
    handle?: SpanHandle<"promisor.walk">,
  ): AsyncGenerator<readonly WalkedEntry[], void, undefined> {
    let fileCount = 0;
    const start = await this.#find(path, options);
    if (start.kind !== "tree") throw wrongKind(path, start.kind);
    const prefix = namesOf(path).map((name) => `${name}/`);
    const waiting = [{ prefix: prefix.join(""), oid: start.oid, depth: prefix.length }];
    const pace = new Pace();
    for (let next = waiting.pop(); next !== undefined; next = waiting.pop()) {
      if (next.depth > MAX_DEPTH) {
        throw new PromisorError("PROMISOR_BAD_TREE", `trees nest deeper than ${MAX_DEPTH}`, {
          oid: next.oid,
        });
      }
      const files: WalkedEntry[] = [];
      const folders: typeof waiting = [];
      for (const { name, kind, mode, oid } of await this.#entries(next.oid, options)) {
        const full = next.prefix + name;
        if (kind === "tree") folders.push({ prefix: `${full}/`, oid, depth: next.depth + 1 });
        else files.push({ path: full, kind, mode, oid });
      }
      for (let i = folders.length - 1; i >= 0; i--) waiting.push(folders[i]!);
      if (pace.isDue()) await pace.rest(options.signal);
      handle?.set("file_count", (fileCount += files.length));
      if (files.length > 0) yield files;
    }
  }

  /** The paths that match a pattern (see the README), in order of their bytes. */
  async glob(pattern: string, options: ResolveOptions = {}): Promise<readonly string[]> {
    const matcher = compileGlob(pattern);
    const paths: string[] = [];
    for await (const files of this.#walk("", options)) {
      for (const { path } of files) if (matcher.test(path)) paths.push(path);
    }
    return paths.sort((a, b) => Buffer.compare(Buffer.from(a), Buffer.from(b)));
  }

  /** Lines that match, file by file, in the order of `walk`. Files that are not here are fetched, many at once. */
  async *grep(query: GrepQuery, options: ResolveOptions = {}): AsyncGenerator<GrepHit, void, undefined> {
    yield* grepFiles(this.#objects, this.#files(query.paths, options), query, options);
  }

  /** Brings files here: all of them, or those that match a pattern; the trees come along. */
  prefetch(
    options: ResolveOptions & {
      readonly paths?: string | undefined;
      readonly onProgress?: ((progress: PrefetchProgress) => void) | undefined;
    } = {},
  ): Promise<void> {
    return span("promisor.prefetch", { kind: "files" }, async (handle) => {
      const wanted = new Set<Oid>();
      for await (const files of this.#files(options.paths, options)) {
        for (const { oid } of files) wanted.add(oid);
      }
      const oids = [...wanted];
      handle.set("want_count", oids.length);
      for (let from = 0; from < oids.length; from += BLOBS_AT_ONCE) {
        await this.#objects.prefetch(oids.slice(from, from + BLOBS_AT_ONCE), options);
        options.onProgress?.({ objects: Math.min(oids.length, from + BLOBS_AT_ONCE), total: oids.length });
      }
    });
  }

  /**
   * Brings the history here in one request: all commits behind the one that has the tree, with their trees and without files.
   * A signal ends it with nothing kept. Throws `PROMISOR_WRONG_KIND` for a tree that was opened by its own id.
   */
  async prefetchHistory(
    options: ResolveOptions & { readonly onProgress?: ((text: string) => void) | undefined } = {},
  ): Promise<void> {
    const commit = this.#commit();
    await span("promisor.prefetch", { kind: "history" }, (handle) => {
      handle.set("want_count", 1);
      return this.#objects.fetchWithFilter([commit], { ...options, filter: "blob:none" });
    });
  }

  #commit(): Oid {
    if (this.commit !== undefined) return this.commit;
    throw new PromisorError("PROMISOR_WRONG_KIND", `${this.tree} was opened without a commit`, {
      oid: this.tree,
    });
  }

  /** The files whose paths match a pattern, folder by folder, without links and submodules. */
  async *#files(
    pattern: string | undefined,
    options: ResolveOptions,
  ): AsyncGenerator<readonly WalkedEntry[], void, undefined> {
    const matcher = pattern === undefined ? undefined : compileGlob(pattern);
    for await (const files of this.#walk("", options)) {
      yield files.filter(
        ({ kind, path }) =>
          (kind === "file" || kind === "executable") && (matcher === undefined || matcher.test(path)),
      );
    }
  }

  /** The blob of a file or a link. */
  async #findFile(path: string, options: ResolveOptions): Promise<Oid> {
    const { kind, oid } = await this.#find(path, options);
    if (kind === "tree" || kind === "submodule") throw wrongKind(path, kind);
    return oid;
  }

  async #find(path: string, options: ResolveOptions): Promise<Omit<Entry, "name">> {
    let entry: Omit<Entry, "name"> = { kind: "tree", mode: 0o40000, oid: this.tree };
    for (const name of namesOf(path)) {
      const entries = entry.kind === "tree" ? await this.#entries(entry.oid, options) : [];
      const next = entries.find((each) => each.name === name);
      if (next === undefined) {
        throw new PromisorError("PROMISOR_NOT_FOUND", `there is no ${JSON.stringify(path)}`);
      }
      entry = next;
    }
    return entry;
  }

  async #entries(oid: Oid, options: ResolveOptions): Promise<readonly Entry[]> {
    const { type, content } = await this.#objects.resolve(oid, options);
    if (type !== "tree")
      throw new PromisorError("PROMISOR_BAD_TREE", `${oid} is no tree but a ${type}`, { oid });
    return entriesOf(content, this.#objects.format, oid);
  }
}

function checkRange(from: number, to: number): void {
  if (Number.isSafeInteger(from) && Number.isSafeInteger(to) && from >= 0 && to >= from) return;
  throw new PromisorError("PROMISOR_BAD_ARGUMENT", `no bytes from ${from} to ${to}`);
}

function wrongKind(path: string, kind: EntryKind): PromisorError {
  return new PromisorError("PROMISOR_WRONG_KIND", `${JSON.stringify(path)} is a ${kind}`);
}
