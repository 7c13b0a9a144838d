import { NODE_TAG, type ObjectBits } from "@millrace/pack";
import type { FilterPlan } from "../filter/filter-plan.ts";
import type { GraphMember } from "../objects/graph-set.ts";
import { fillSet, isSet } from "./object-bits.ts";
import { type ObjectMarks, SEEN, SELECTED } from "./object-marks.ts";
import type { ReachedBits } from "./whole-packs.ts";

/** Numbers to go through. */
export interface NumberList extends Iterable<number> {
  readonly length: number;
}

/** Collects objects, each once, and marks them as selected. */
export class Selecting {
  readonly #marks: ObjectMarks;
  readonly #single: number[] = [];
  readonly #packs: GraphMember[] = [];
  readonly #bits: ObjectBits[] = [];
  #count = 0;

  constructor(marks: ObjectMarks) {
    this.#marks = marks;
  }

  get count(): number {
    return this.#count;
  }

  /** The objects, to be asked for when all are collected. Nothing is listed for packs that are taken whole. */
  get numbers(): NumberList {
    if (this.#packs.length === 0 && this.#bits.length === 0) return this.#single;
    return { length: this.#count, [Symbol.iterator]: () => this.#list() };
  }

  addAll(numbers: readonly number[]): void {
    const { bytes } = this.#marks;
    const single = this.#single;
    for (let i = 0; i < numbers.length; i++) {
      const number = numbers[i]!;
      if ((bytes[number]! & SELECTED) !== 0) continue;
      bytes[number] = bytes[number]! | SELECTED;
      single.push(number);
      this.#count++;
    }
  }

  /**
   * Adds all of a pack but its tags: those are not reached from each other, and come by name. Packs come before all else,
   * when their objects were seen and nothing more was said of them.
   */
  addPack(pack: GraphMember): void {
    const { bytes } = this.#marks;
    const tags = tagsOf(pack);
    bytes.fill(SEEN | SELECTED, pack.base, pack.end);
    for (const tag of tags) bytes[tag] = SEEN;
    this.#packs.push(pack);
    this.#count += pack.end - pack.base - tags.length;
  }

  /** Adds what is reached of the pack whose ranks are numbers, as far as a plan lets it pass. Comes before all else, as packs do. */
  addRanked({ bits, bitmaps }: ReachedBits, plan: FilterPlan): void {
    const { bytes } = this.#marks;
    const { commits, trees, blobs } = bitmaps;
    const chosen = bitmaps.empty();
    for (let word = 0; word < bits.length; word++) {
      let passing = 0;
      if (plan.commits) passing |= commits[word]!;
      if (plan.trees) passing |= trees[word]!;
      if (plan.blobs) passing |= blobs[word]!;
      chosen[word] = bits[word]! & passing;
    }
    fillSet(bytes, bits, SEEN);
    this.#count += fillSet(bytes, chosen, SEEN | SELECTED);
    this.#bits.push(chosen);
  }

  *#list(): Generator<number, void, undefined> {
    yield* this.#single;
    for (const pack of this.#packs) {
      let next = pack.base;
      for (const stop of [...tagsOf(pack), pack.end]) {
        while (next < stop) yield next++;
        next++;
      }
    }
    for (const bits of this.#bits) {
      for (let rank = 0; rank < 32 * bits.length; rank++) if (isSet(bits, rank)) yield rank;
    }
  }
}

/** The numbers of a pack's tags. */
function tagsOf({ base, graph }: GraphMember): number[] {
  const { count, kinds } = graph;
  const tags: number[] = [];
  for (let node = kinds.indexOf(NODE_TAG); node >= 0 && node < count; ) {
    tags.push(base + node);
    node = kinds.indexOf(NODE_TAG, node + 1);
  }
  return tags;
}
