import { NODE_TAG } from "@millrace/pack";
import type { GraphMember } from "../objects/graph-set.ts";
import { type ObjectMarks, SEEN, SELECTED } from "./object-marks.ts";

/** Collects objects, each once, and marks them as selected. */
export class Selecting {
  readonly #marks: ObjectMarks;
  readonly #single: number[] = [];
  readonly #packs: GraphMember[] = [];
  #count = 0;
  #numbers: readonly number[] | undefined;

  constructor(marks: ObjectMarks) {
    this.#marks = marks;
  }

  get count(): number {
    return this.#count;
  }

  /** The objects, to be asked for when all are collected. */
  get numbers(): readonly number[] {
    this.#numbers ??= this.#packs.length === 0 ? this.#single : this.#list();
    return this.#numbers;
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

  #list(): readonly number[] {
    const numbers = [...this.#single];
    let filled = numbers.length;
    numbers.length = this.#count;
    for (const pack of this.#packs) {
      let next = pack.base;
      for (const stop of [...tagsOf(pack), pack.end]) {
        while (next < stop) numbers[filled++] = next++;
        next++;
      }
    }
    return numbers;
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
