import { randomBytes } from "node:crypto";
import type { Oid } from "@millrace/pack";
import type { SavedChanges } from "./change-log-file.ts";
import type { LowerTree } from "./row.ts";
import { isDirectory } from "../view/mode.ts";

/** Paths that are remembered, and bytes of them; the oldest go first. */
const MAX_PATHS = 65_536;
const MAX_BYTES = 16 << 20;
/** Opened so often without a question between, a log knows the oldest tokens no more. */
const MAX_EPOCHS = 16;
const FIRST_STAMP = 1;
const TOKEN = /^millrace:([0-9a-f]{16}):(\d{1,15})$/;

/** Something that has changed. */
export interface Change {
  /** Bytes, one to a character, from the root; a directory's ends with a slash. */
  readonly path: string;
  /** A tree whose directories came to this path, or have gone from it: each of them counts as changed. */
  readonly tree?: Oid | undefined;
  /** After how many questions. */
  readonly stamp: number;
}

/** What has changed since a token. */
export interface ChangedPaths {
  /** For the next question. */
  readonly token: string;
  /** Each once; `undefined`: nothing is known of this token, so that everything may have changed. */
  readonly paths: ReadonlySet<string> | undefined;
}

/**
 * What has changed in a view, by path, to be asked for by token: what an answer gives as token stands for the moment of that answer.
 * Tokens are known over restarts (`save`) but not after a crash, and until more has changed than is remembered.
 */
export class ChangeLog {
  /** In the order of their stamps. */
  readonly #changes = new Map<string, Change>();
  /** Names of this opening and of those before it, each with the highest stamp that it gave out. */
  readonly #epochs: (readonly [epoch: string, last: number])[];
  readonly #epoch = randomBytes(8).toString("hex");
  #bytes = 0;
  /** Stamps below have been dropped, or may have. */
  #floor: number;
  #now: number;

  /** @param saved what a log before this one has given to `save`, with nothing changed since */
  constructor(saved?: SavedChanges) {
    this.#epochs = saved?.epochs.slice(-MAX_EPOCHS) ?? [];
    this.#floor = saved?.floor ?? FIRST_STAMP;
    this.#now = saved?.now ?? FIRST_STAMP;
    for (const change of saved?.changes ?? []) this.#put(change);
  }

  /** Something has changed at a path. @param tree as `Change.tree` */
  note(changed: string, tree?: Oid): void {
    const path = tree === undefined ? this.#toldFor(changed) : changed;
    const key = keyOf(path, tree);
    const before = this.#changes.get(key);
    if (before?.stamp === this.#now) return;
    if (before !== undefined) this.#drop(key, before);
    this.#put({ path, tree, stamp: this.#now });
    for (const [oldest, change] of this.#changes) {
      if (this.#changes.size <= MAX_PATHS && this.#bytes <= MAX_BYTES) break;
      this.#drop(oldest, change);
      this.#floor = change.stamp + 1;
    }
  }

  /**
   * What is told for a path. Where a directory is told itself, so is every file that git tracks in it: then one name tells that something
   * else has changed there, however many files were unpacked into it.
   */
  #toldFor(path: string): string {
    if (path.endsWith("/")) return path;
    const directory = path.slice(0, path.lastIndexOf("/") + 1);
    return this.#changes.get(directory)?.stamp === this.#now ? insideOf(directory) : path;
  }

  /** Anything may have changed. */
  noteAll(): void {
    this.#changes.clear();
    this.#bytes = 0;
    this.#floor = ++this.#now;
  }

  /**
   * What has changed since a token.
   * @param tree the entries of a tree; where one cannot be had, everything may have changed
   */
  async since(token: string, tree: (oid: Oid) => LowerTree | Promise<LowerTree>): Promise<ChangedPaths> {
    const since = this.#stampOf(token);
    // What changes from now on comes behind the new token.
    const next = `millrace:${this.#epoch}:${++this.#now}`;
    if (since === undefined) return { token: next, paths: undefined };
    const changes = [...this.#changes.values()].filter(({ stamp }) => stamp >= since);
    const paths = new Set<string>();
    try {
      for (const change of changes) {
        if (change.tree === undefined) paths.add(change.path);
        else if (!(await addDirectories(change.path, change.tree, tree, paths)))
          return { token: next, paths: undefined };
      }
    } catch {
      return { token: next, paths: undefined };
    }
    return { token: next, paths };
  }

  /** The token of this log's own beginning; `undefined` where changes since then have been dropped. */
  get beginning(): string | undefined {
    return this.#floor <= FIRST_STAMP ? `millrace:${this.#epoch}:${FIRST_STAMP}` : undefined;
  }

  save(): SavedChanges {
    const now = this.#now + 1;
    const epochs = [...this.#epochs, [this.#epoch, this.#now] as const];
    return { floor: this.#floor, now, epochs, changes: [...this.#changes.values()] };
  }

  #stampOf(token: string): number | undefined {
    const [, epoch, digits] = TOKEN.exec(token) ?? [];
    const stamp = Number(digits);
    const last = epoch === this.#epoch ? this.#now : this.#epochs.find(([earlier]) => earlier === epoch)?.[1];
    return last === undefined || stamp > last || stamp < this.#floor ? undefined : stamp;
  }

  #put(change: Change): void {
    this.#changes.set(keyOf(change.path, change.tree), change);
    this.#bytes += change.path.length;
  }

  #drop(key: string, change: Change): void {
    this.#changes.delete(key);
    this.#bytes -= change.path.length;
  }
}

function keyOf(path: string, tree: Oid | undefined): string {
  return tree === undefined ? path : `${path}\0${tree}`;
}

/**
 * Adds the directories of a tree, each by a name in it: that of a directory alone lets git look only at the one above.
 * @returns false where they are more than are told
 */
async function addDirectories(
  path: string,
  root: Oid,
  tree: (oid: Oid) => LowerTree | Promise<LowerTree>,
  paths: Set<string>,
): Promise<boolean> {
  const left = [{ path, oid: root }];
  for (let next = left.pop(); next !== undefined; next = left.pop()) {
    if (paths.size >= MAX_PATHS) return false;
    paths.add(insideOf(next.path));
    for (const [name, entry] of await tree(next.oid)) {
      if (isDirectory(entry) && entry.oid !== undefined)
        left.push({ path: `${next.path}${name}/`, oid: entry.oid });
    }
  }
  return true;
}

/** A name in a directory, whatever is there. @param directory with a slash at its end */
export function insideOf(directory: string): string {
  return `${directory}.`;
}
