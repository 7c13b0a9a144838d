import { isGitlinkMode, isTreeMode, walkTree } from "@millrace/pack";
import type { ObjectReader } from "../objects/object-view.ts";
import type { Breather } from "../breather.ts";
import { type ObjectMarks, SEEN, UNINTERESTING } from "../walk/object-marks.ts";
import { readTreeIfThere } from "../walk/read-tree.ts";
import type { FoundObjects, TreeWalker } from "../walk/tree-walker.ts";
import type { Place, Places } from "./place.ts";

/**
 * The walk where it matters what place an object has: a tree is read again at every place that may bring something new.
 * The other side is taken to have of its trees only what the same filter would have sent.
 */
export class PlacedTreeWalk implements TreeWalker {
  readonly #reader: ObjectReader;
  readonly #marks: ObjectMarks;
  readonly #breather: Breather;
  readonly #places: Places;

  constructor(reader: ObjectReader, marks: ObjectMarks, breather: Breather, places: Places) {
    this.#reader = reader;
    this.#marks = marks;
    this.#breather = breather;
    this.#places = places;
  }

  collect(roots: readonly number[], found: FoundObjects): Promise<void> {
    return this.#walk(roots, this.#places.root, found);
  }

  collectGiven(trees: readonly number[], found: FoundObjects): Promise<void> {
    return this.#walk(trees, this.#places.given, found);
  }

  exclude(roots: readonly number[]): Promise<void> {
    return this.#walk(roots, this.#places.root, undefined);
  }

  /** Without `found`, what is met is the other side's. */
  async #walk(roots: readonly number[], start: Place, found: FoundObjects | undefined): Promise<void> {
    const marks = this.#marks;
    const mark = found === undefined ? UNINTERESTING : SEEN;
    const trees: number[] = [];
    const places: Place[] = [];

    const meet = (number: number, list: number[] | undefined): void => {
      if (marks.has(number, SEEN | UNINTERESTING)) return;
      marks.set(number, mark);
      list?.push(number);
    };
    const enter = (tree: number, place: Place): void => {
      if (!place.enter(tree)) return;
      meet(tree, found?.trees);
      if (!place.isOpen) return;
      trees.push(tree);
      places.push(place);
    };

    let content: Uint8Array;
    let place: Place;
    const visit = (mode: number, oidOffset: number, nameStart: number, nameEnd: number): void => {
      if (isTreeMode(mode)) {
        enter(marks.number(content, oidOffset), place.below(content, nameStart, nameEnd));
        return;
      }
      if (isGitlinkMode(mode)) return;
      const blob = marks.number(content, oidOffset);
      if (marks.has(blob, SEEN | UNINTERESTING) || !place.sendsBlob(content, nameStart, nameEnd)) return;
      meet(blob, found?.blobs);
    };

    for (const root of roots) enter(root, start);
    for (let tree = trees.pop(); tree !== undefined; tree = trees.pop()) {
      place = places.pop()!;
      await this.#breather.step();
      const read = await readTreeIfThere(this.#reader, marks, tree, found === undefined);
      if (read === undefined) continue;
      content = read;
      walkTree(content, this.#reader.format, visit);
    }
  }
}
