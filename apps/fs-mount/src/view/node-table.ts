import { Refusal } from "./refusal.ts";

/** A node that others hold references to. */
export interface CountedNode {
  readonly id: number;
  /** Infinity: it stays. */
  references: number;
}

/** The nodes of a view that somebody holds, or that were just offered, by numbers that are never used again. */
export class NodeTable<N extends CountedNode> {
  readonly #nodes = new Map<number, N>();
  readonly #unused: (node: N) => void;
  #lastId = 0;

  /** @param unused called with a node whose last reference was given back */
  constructor(unused: (node: N) => void) {
    this.#unused = unused;
  }

  add(make: (id: number) => N): N {
    const node = make(++this.#lastId);
    this.#nodes.set(node.id, node);
    return node;
  }

  /** @throws Refusal ESTALE */
  get(id: number): N {
    const node = this.#nodes.get(id);
    if (node === undefined) throw new Refusal("ESTALE");
    return node;
  }

  has(node: N): boolean {
    return this.#nodes.get(node.id) === node;
  }

  /** @returns whether it was there */
  delete({ id }: N): boolean {
    return this.#nodes.delete(id);
  }

  retain(id: number): void {
    this.get(id).references++;
  }

  forget(id: number, count: number): void {
    const node = this.#nodes.get(id);
    if (node === undefined) return;
    node.references -= count;
    if (node.references <= 0) this.#unused(node);
  }

  values(): Iterable<N> {
    return this.#nodes.values();
  }
}
