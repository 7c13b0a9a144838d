import { NODE_TAG, NODE_TYPE_MASK } from "@millrace/pack";
import type { GraphMember } from "../objects/graph-set.ts";
import { type ObjectMarks, SELECTED } from "./object-marks.ts";

/** Collects objects, each once, and marks them as selected. */
export class Selecting {
  readonly #marks: ObjectMarks;
  readonly #single: number[] = [];
  readonly #packs = new Set<GraphMember>();
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
    this.#numbers ??= this.#packs.size === 0 ? this.#single : this.#list();
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

  /** Adds all of a pack but its tags: those are not reached from each other, and come by name. */
  addPack(pack: GraphMember): void {
    const { bytes } = this.#marks;
    const { base, end, graph } = pack;
    const { kinds } = graph;
    this.#packs.add(pack);
    let added = 0;
    for (let number = base; number < end; number++) {
      const isTag = (kinds[number - base]! & NODE_TYPE_MASK) === NODE_TAG;
      if (isTag || (bytes[number]! & SELECTED) !== 0) continue;
      bytes[number] = bytes[number]! | SELECTED;
      added++;
    }
    this.#count += added;
  }

  #list(): readonly number[] {
    const { bytes, table } = this.#marks;
    const isOfPack = (number: number): boolean =>
      number < table.nodeCount &&
      this.#packs.has(table.graphs!.memberOf(number)) &&
      table.typeAt(number) !== "tag";
    const numbers = this.#single.filter((number) => !isOfPack(number));
    for (const { base, end, graph } of this.#packs) {
      for (let number = base; number < end; number++) {
        const isTag = (graph.kinds[number - base]! & NODE_TYPE_MASK) === NODE_TAG;
        if (!isTag && (bytes[number]! & SELECTED) !== 0) numbers.push(number);
      }
    }
    return numbers;
  }
}
