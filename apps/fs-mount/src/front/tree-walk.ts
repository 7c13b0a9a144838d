import { type ObjectFormat, type Oid, oidFromBytes, PackError, walkTree } from "@millrace/pack";
import type { TreeContent } from "../view/view.ts";

/** Trees that lie below one another, as who serves them knows them. */
export interface WalkedTrees {
  readonly format: ObjectFormat;
  /** The one above all others. */
  root(): Promise<Oid>;
  /** Whether a tree can be read without asking anybody. */
  isHere(id: Oid): boolean;
  tree(id: Oid): Promise<TreeContent>;
}

/** A tree that goes along with the one that was asked for. */
export interface TreeAhead {
  readonly id: Oid;
  readonly tree: TreeContent;
}

/** A directory that somebody knows of. */
interface Place {
  /** The trees below it, in its order. */
  readonly below: readonly Oid[];
  /** Whether somebody has asked for one of those. */
  isEntered: boolean;
}

/** Trees that go along with the first one of a walk; with each that is asked for behind it twice as many, up to the limit. */
const FIRST_AHEAD = 16;
const MOST_AHEAD = 256;
/** Bytes of trees that go along with one. */
const MOST_AHEAD_BYTES = 1024 * 1024;
/** Who asks for nothing for so long, in milliseconds, walks no more. */
const FORGOTTEN_AFTER_MS = 1000;
/** Places that are remembered. */
const MOST_PLACES = 20_000;

/**
 * Finds out whether somebody walks through directories (`find`, `ls -R`, `git status`): who does looks into a second directory beside
 * another one. The trees that a walk comes to next, those below and those behind, then go along with the one that was asked for: a
 * question from one thread to another takes longer than to read a tree. Nothing is fetched for that.
 */
export class TreeWalk {
  readonly #trees: WalkedTrees;
  readonly #now: () => number;
  readonly #places = new Map<Oid, Place>();
  /** The directory above each one. */
  readonly #above = new Map<Oid, Oid>();
  #isWalk = false;
  #askedAt = -Infinity;
  #count = FIRST_AHEAD;

  /** @param now milliseconds of a clock that only goes forward */
  constructor(trees: WalkedTrees, now: () => number = () => performance.now()) {
    this.#trees = trees;
    this.#now = now;
  }

  /** What goes along with a tree that was asked for, in the order of the walk; nothing where nobody walks. */
  async ahead(id: Oid, tree: TreeContent): Promise<readonly TreeAhead[]> {
    await this.#begin();
    const above = this.#above.get(id);
    const parent = above === undefined ? undefined : this.#places.get(above);
    this.#isWalk ||= parent?.isEntered === true;
    if (parent !== undefined) parent.isEntered = true;
    const below = this.#note(id, tree);
    if (!this.#isWalk) return [];
    const count = this.#count;
    this.#count = Math.min(2 * count, MOST_AHEAD);
    return await this.#collect([...this.#behind(id), [...below]], count);
  }

  /** A walk after a pause is another one. */
  async #begin(): Promise<void> {
    const now = this.#now();
    const isOld = now - this.#askedAt > FORGOTTEN_AFTER_MS || this.#places.size > MOST_PLACES;
    this.#askedAt = now;
    if (!isOld) return;
    this.#places.clear();
    this.#above.clear();
    this.#isWalk = false;
    this.#count = FIRST_AHEAD;
    const root = await this.#trees.root();
    const tree = await this.#read(root);
    if (tree !== undefined) this.#note(root, tree);
  }

  /** The directories that come behind a tree: those beside it last, since they come next. */
  #behind(id: Oid): Oid[][] {
    const levels: Oid[][] = [];
    let at = id;
    for (let above = this.#above.get(at); above !== undefined; above = this.#above.get(at)) {
      const { below } = this.#places.get(above)!;
      levels.unshift(below.slice(below.indexOf(at) + 1));
      at = above;
    }
    return levels;
  }

  /** Takes what is left of directories, the last one first, and goes into what it finds. */
  async #collect(levels: Oid[][], count: number): Promise<TreeAhead[]> {
    const found: TreeAhead[] = [];
    let bytes = 0;
    for (let level = levels.at(-1); level !== undefined; level = levels.at(-1)) {
      const id = level.shift();
      if (id === undefined) levels.pop();
      else if (!this.#places.has(id)) {
        const tree = await this.#read(id);
        if (tree === undefined) continue;
        const below = this.#note(id, tree);
        found.push({ id, tree });
        bytes += tree.content.length;
        if (found.length >= count || bytes >= MOST_AHEAD_BYTES) break;
        levels.push([...below]);
      }
    }
    return found;
  }

  /** `undefined` where it is not here or cannot be shown: who asks for it is told why. */
  async #read(id: Oid): Promise<TreeContent | undefined> {
    if (!this.#trees.isHere(id)) return undefined;
    try {
      return await this.#trees.tree(id);
    } catch {
      return undefined;
    }
  }

  /** @returns the directories below it */
  #note(id: Oid, tree: TreeContent): readonly Oid[] {
    const known = this.#places.get(id);
    if (known !== undefined) return known.below;
    const below = directoriesOf(tree, this.#trees.format);
    this.#places.set(id, { below, isEntered: false });
    // One that is in several places is told of once, and leads back to the first: so nothing leads round in a circle.
    for (const each of below)
      if (!this.#above.has(each) && !this.#places.has(each)) this.#above.set(each, id);
    return below;
  }
}

/** What the directories in a tree are called; none where it is malformed, which whoever parses it says. */
function directoriesOf({ content, ids }: TreeContent, format: ObjectFormat): Oid[] {
  const bytes = Buffer.from(content.buffer, content.byteOffset, content.byteLength);
  const found: Oid[] = [];
  try {
    walkTree(content, format, (mode, oidStart, nameStart, nameEnd) => {
      if ((mode & 0o170000) !== 0o040000) return;
      const name = ids === undefined ? undefined : bytes.toString("latin1", nameStart, nameEnd);
      found.push((name !== undefined && ids?.get(name)) || oidFromBytes(content, oidStart, format));
    });
  } catch (error) {
    if (error instanceof PackError) return [];
    throw error;
  }
  return found;
}
