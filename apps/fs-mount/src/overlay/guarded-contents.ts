import type { BackingFiles } from "./backing-files.ts";
import type { OverlayNode } from "./row.ts";

/** Files that are synced at the same time. */
const AT_ONCE = 8;

/**
 * Contents that stand where others stood: copied from the base, renamed over a file, written to one that was cut. They are synced
 * before the rows that name them are, so that a loss of power leaves the old content or the new one, where nobody has synced it
 * too. Of files that are new that is not asked, nor of what is written over in place.
 */
export class GuardedContents {
  readonly #files: BackingFiles;
  readonly #node: (id: number) => OverlayNode | undefined;
  /** The node of each, by the content's name. */
  readonly #guarded = new Map<string, number>();
  /** Nodes that were made since rows were last made durable. */
  readonly #young = new Set<number>();

  constructor(files: BackingFiles, node: (id: number) => OverlayNode | undefined) {
    this.#files = files;
    this.#node = node;
  }

  /** A node that nothing was lost of before. */
  born(id: number): void {
    this.#young.add(id);
  }

  add({ id, backing }: OverlayNode): void {
    if (backing !== undefined) this.#guarded.set(backing, id);
  }

  /** The first content of a node: of one that is not new it may be what comes for an older one. */
  addFirst(node: OverlayNode): void {
    if (!this.#young.has(node.id)) this.add(node);
  }

  /** Before rows are made durable. @throws errors of `node:fs`, after which it is to be tried again */
  async sync(): Promise<void> {
    this.#young.clear();
    const waiting = this.#living();
    while (waiting.length > 0) {
      const some = waiting.splice(0, AT_ONCE);
      await Promise.all(some.map(([name, sizeBytes]) => this.#files.sync(name, sizeBytes)));
      for (const [name] of some) this.#guarded.delete(name);
    }
  }

  /** `sync`, at once. */
  syncNow(): void {
    for (const [name, sizeBytes] of this.#living()) {
      this.#files.syncNow(name, sizeBytes);
      this.#guarded.delete(name);
    }
  }

  /** Those that some node still has, with the sizes that these tell. */
  #living(): [name: string, sizeBytes: number][] {
    const living: [string, number][] = [];
    for (const [name, id] of this.#guarded) {
      const node = this.#node(id);
      if (node?.backing === name) living.push([name, node.sizeBytes ?? 0]);
      else this.#guarded.delete(name);
    }
    return living;
  }
}
