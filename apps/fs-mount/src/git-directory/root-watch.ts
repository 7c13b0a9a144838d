import { type ObjectFormat, type Oid, parseCommit, parseTag } from "@millrace/pack";
import type { GitObject, ObjectTaker } from "@millrace/promisor";

/** A commit and its root, as they have come. */
export interface ArrivedRoot {
  readonly commit: Oid;
  readonly commitContent: Uint8Array;
  readonly tree: Oid;
  readonly treeContent: Uint8Array;
}

/** Tags that are followed; a first fetch brings the way to one commit. */
const MAX_STEPS = 16;

/**
 * Looks out for a commit and its root while the objects of a fetch arrive, before their pack is kept. It finds them where the root comes
 * behind what leads to it, which is how git sends them.
 */
export class RootWatch implements ObjectTaker {
  readonly #format: ObjectFormat;
  readonly #found: (root: ArrivedRoot) => void;
  /** Commits and tags that have come. */
  readonly #steps = new Map<Oid, GitObject>();
  /** The next one on the way. */
  #awaited: Oid;
  #commit: { readonly oid: Oid; readonly content: Uint8Array } | undefined;

  /**
   * @param start a commit, or a tag of one
   * @param found called once at most
   */
  constructor(start: Oid, format: ObjectFormat, found: (root: ArrivedRoot) => void) {
    this.#awaited = start;
    this.#format = format;
    this.#found = found;
  }

  whole(oid: Oid, object: GitObject): void {
    this.along(oid, object);
  }

  along(oid: Oid, { type, content }: GitObject): void {
    if (type === "tree") {
      if (oid !== this.#awaited || this.#commit === undefined) return;
      const { oid: commit, content: commitContent } = this.#commit;
      this.#commit = undefined;
      this.#found({ commit, commitContent, tree: oid, treeContent: content.slice() });
    } else if (type !== "blob" && this.#steps.size < MAX_STEPS) {
      this.#steps.set(oid, { type, content: content.slice() });
      this.#follow();
    }
  }

  async pieces(_oid: Oid, _sizeBytes: number, content: AsyncIterable<Uint8Array>): Promise<void> {
    for await (const _ of content);
  }

  #follow(): void {
    for (let step = this.#steps.get(this.#awaited); step !== undefined; ) {
      const { type, content } = step;
      try {
        if (type === "commit") {
          this.#commit = { oid: this.#awaited, content };
          this.#awaited = parseCommit(content, this.#format).tree;
          return;
        }
        this.#awaited = parseTag(content, this.#format).object;
      } catch {
        // What is wrong with it is told to whoever asks for it.
        return;
      }
      step = this.#steps.get(this.#awaited);
    }
  }
}
