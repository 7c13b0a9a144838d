import type { Oid } from "@millrace/pack";
import type { TreeContent } from "../view/view.ts";
import type { TreeAhead } from "./tree-walk.ts";

/** Bytes of trees that wait for somebody who asks for them. */
const MOST_BYTES = 4 * 1024 * 1024;

/** Trees that came before anybody asked for them. Of too many, those that came first are dropped. */
export class TreesAhead {
  readonly #trees = new Map<Oid, TreeContent>();
  #bytes = 0;

  add({ id, tree }: TreeAhead): void {
    this.take(id);
    this.#trees.set(id, tree);
    this.#bytes += tree.content.length;
    for (const first of this.#trees.keys()) {
      if (this.#bytes <= MOST_BYTES) break;
      this.take(first);
    }
  }

  /** A tree, for whoever asks for it first: it keeps it. */
  take(id: Oid): TreeContent | undefined {
    const tree = this.#trees.get(id);
    if (tree === undefined) return undefined;
    this.#trees.delete(id);
    this.#bytes -= tree.content.length;
    return tree;
  }
}
