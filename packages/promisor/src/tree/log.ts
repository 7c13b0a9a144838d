import { type Commit, type Oid, parseCommit, readCommitLinks } from "@millrace/pack";
import type { ResolveOptions } from "../promisor.ts";
import type { SharedPromisor } from "../shared-promisor.ts";
import { entriesOf, type Entry } from "./entry.ts";
import { namesOf } from "./path.ts";

/** Which commits are told of. */
export interface LogOptions extends ResolveOptions {
  /** Only those that changed what is at this path, a file or a folder. Default: all. */
  readonly path?: string | undefined;
  /** Commits after which it ends. Default: no bound. */
  readonly maxCount?: number | undefined;
  readonly onProgress?: ((text: string) => void) | undefined;
}

/** A commit of a log. */
export interface LoggedCommit {
  readonly oid: Oid;
  readonly commit: Commit;
}

/** A commit that is waiting for its turn. */
interface Waiting {
  readonly oid: Oid;
  readonly tree: Oid;
  readonly parents: readonly Oid[];
  /** Committer time in seconds. */
  readonly time: number;
}

/**
 * Commits from `start` on, newest first, those of the same second in the order in which they are met; with a path as git's
 * default history simplification has it (git-log, "History Simplification"). History ends where the source has no more.
 */
export async function* logCommits(
  objects: SharedPromisor,
  start: Oid,
  options: LogOptions,
): AsyncGenerator<LoggedCommit, void, undefined> {
  const { maxCount = Number.POSITIVE_INFINITY, signal } = options;
  const names = namesOf(options.path ?? "");
  const history = new History(objects, start, names, options);
  const known = new Set([start]);
  const waiting = [await history.read(start)];
  for (let count = 0; count < maxCount; ) {
    const next = waiting.pop();
    if (next === undefined) return;
    signal?.throwIfAborted();
    const { follow, isTold } = await history.judge(next);
    if (isTold) {
      const { content } = await objects.resolve(next.oid, options);
      yield { oid: next.oid, commit: parseCommit(content, objects.format) };
      if (++count === maxCount) return;
    }
    for (const parent of follow) {
      if (known.has(parent.oid)) continue;
      known.add(parent.oid);
      insert(waiting, parent);
    }
  }
}

/** Puts a commit where it comes behind those of the same second; the newest is last. */
function insert(waiting: Waiting[], commit: Waiting): void {
  let low = 0;
  for (let high = waiting.length; low < high; ) {
    const middle = (low + high) >>> 1;
    if (waiting[middle]!.time < commit.time) low = middle + 1;
    else high = middle;
  }
  waiting.splice(low, 0, commit);
}

/** The commits of a log and what lies at its path in each. What is missing is asked for once, and all at once. */
class History {
  readonly #objects: SharedPromisor;
  readonly #start: Oid;
  readonly #names: readonly string[];
  readonly #options: LogOptions;
  #isFetched = false;
  /** What lies at the path, by root trees. */
  readonly #places = new Map<Oid, string>();

  constructor(objects: SharedPromisor, start: Oid, names: readonly string[], options: LogOptions) {
    this.#objects = objects;
    this.#start = start;
    this.#names = names;
    this.#options = options;
  }

  async read(oid: Oid): Promise<Waiting> {
    const { content } = await this.#objects.resolve(oid, this.#options);
    const { tree, parents, time } = readCommitLinks(content, this.#objects.format);
    return { oid, tree, parents, time };
  }

  /** Whether a commit is told of, and which of its parents are followed. */
  async judge({ tree, parents }: Waiting): Promise<{ isTold: boolean; follow: readonly Waiting[] }> {
    const follow: Waiting[] = [];
    for (const oid of await this.#existing(parents)) follow.push(await this.read(oid));
    if (this.#names.length === 0) return { isTold: true, follow };
    const place = await this.#placeIn(tree);
    if (follow.length === 0) return { isTold: place !== ABSENT, follow };
    for (const parent of follow) {
      if ((await this.#placeIn(parent.tree)) === place) return { isTold: false, follow: [parent] };
    }
    return { isTold: true, follow };
  }

  /** Those of these commits that the source has. */
  async #existing(commits: readonly Oid[]): Promise<readonly Oid[]> {
    if (!(await this.#lacks(commits))) return commits;
    const absent = new Set(await this.#objects.missing(commits));
    return commits.filter((oid) => !absent.has(oid));
  }

  /** What lies at the path, as its mode and id. */
  async #placeIn(root: Oid): Promise<string> {
    const known = this.#places.get(root);
    if (known !== undefined) return known;
    await this.#lacks([root]);
    let place = ABSENT;
    let tree: Oid | undefined = root;
    for (const [i, name] of this.#names.entries()) {
      if (tree === undefined) break;
      const { content } = await this.#objects.resolve(tree, this.#options);
      const entry: Entry | undefined = entriesOf(content, this.#objects.format, tree).find(
        (each) => each.name === name,
      );
      tree = entry?.kind === "tree" ? entry.oid : undefined;
      if (entry !== undefined && i === this.#names.length - 1) place = `${entry.mode} ${entry.oid}`;
    }
    this.#places.set(root, place);
    return place;
  }

  /** Whether some of these are not here, though the history was fetched. */
  async #lacks(oids: readonly Oid[]): Promise<boolean> {
    if ((await this.#objects.missing(oids)).length === 0) return false;
    if (this.#isFetched) return true;
    this.#isFetched = true;
    const { maxCount, signal, onProgress } = this.#options;
    const isWhole = this.#names.length > 0;
    await this.#objects.fetchWithFilter([this.#start], {
      filter: isWhole ? "blob:none" : "tree:0",
      // A commit reaches its parents' parents in so many steps at most.
      depth: isWhole || maxCount === Number.POSITIVE_INFINITY ? undefined : maxCount,
      signal,
      onProgress,
    });
    return (await this.#objects.missing(oids)).length > 0;
  }
}

/** What no mode and id is. */
const ABSENT = "";
