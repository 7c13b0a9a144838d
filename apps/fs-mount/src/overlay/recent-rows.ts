import type { OverlayNode } from "./row.ts";

/** Rows of one half; two halves are kept. */
const HALF = 4096;

/** Rows that were read from a database not long ago: at least so many, at most twice as many. */
export class RecentRows {
  #younger = new Map<number, OverlayNode>();
  #older = new Map<number, OverlayNode>();

  get(id: number): OverlayNode | undefined {
    const young = this.#younger.get(id);
    if (young !== undefined) return young;
    const old = this.#older.get(id);
    if (old !== undefined) this.put(old);
    return old;
  }

  put(node: OverlayNode): void {
    if (this.#younger.size >= HALF) {
      this.#older = this.#younger;
      this.#younger = new Map();
    }
    this.#younger.set(node.id, node);
  }

  /** The database has another one now, or will have. */
  delete(id: number): void {
    this.#younger.delete(id);
    this.#older.delete(id);
  }
}
