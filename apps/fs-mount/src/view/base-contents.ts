import type { ObjectFormat, Oid } from "@millrace/pack";
import { EXPLICIT_READ, type OpenBlob } from "../hydrator/blobs.ts";
import { SizeBook } from "../hydrator/size-book.ts";
import { type BaseTree, parseBaseTree } from "./base-tree.ts";
import { readBlob } from "./read-blob.ts";
import { Refusal } from "./refusal.ts";
import type { Answer, TreeContent, ViewSource, Waiting } from "./view.ts";
import { waitFor, whenHere } from "./wait.ts";

/** Where a symbolic link may lead, in bytes (PATH_MAX and its NUL). */
const MAX_TARGET_BYTES = 4095;
/** Trees whose sizes are noted later. */
const MOST_UNNOTED = 1000;

/** Trees, sizes and targets of links by their ids, as they have been learnt. */
export class BaseContents {
  readonly source: ViewSource;
  readonly #format: ObjectFormat;
  readonly #trees = new Map<Oid, { readonly tree: BaseTree; holders: number }>();
  readonly #sizes = new Map<Oid, number>();
  /** Sizes that came with trees. */
  readonly #book = new SizeBook();
  /** Trees whose sizes are noted when somebody wants one: who lists directories wants none. */
  readonly #unnoted = new Map<Oid, { readonly tree: BaseTree; readonly sizes: Float64Array }>();
  readonly #targets = new Map<Oid, string>();
  readonly #learning = new Map<string, Promise<unknown>>();

  constructor(source: ViewSource, format: ObjectFormat) {
    this.source = source;
    this.#format = format;
  }

  /** A tree that somebody holds. */
  held(oid: Oid): BaseTree {
    const held = this.#trees.get(oid);
    if (held === undefined) throw new Error(`the tree ${oid} is not here`);
    return held.tree;
  }

  /** Reads a tree, and holds it until `release`. Throws what the source throws, MOUNT_BAD_TREE. */
  hold(oid: Oid, waiting?: Waiting): Answer<BaseTree> {
    const kept = (tree: BaseTree): BaseTree => {
      const held = this.#trees.get(oid);
      if (held === undefined) this.#trees.set(oid, { tree, holders: 1 });
      else held.holders++;
      return held?.tree ?? tree;
    };
    const there = this.#trees.get(oid)?.tree ?? this.read(oid);
    return there instanceof Promise ? waitFor(there, waiting?.signal).then(kept) : kept(there);
  }

  release(oid: Oid): void {
    const held = this.#trees.get(oid);
    if (held === undefined || --held.holders > 0) return;
    this.#trees.delete(oid);
    this.#unnoted.delete(oid);
  }

  /** Reads a tree; once, however many wait for it. */
  read(oid: Oid): Answer<BaseTree> {
    const under = this.#learning.get(oid) as Promise<BaseTree> | undefined;
    if (under !== undefined) return under;
    const content = this.source.tree(oid);
    if (!(content instanceof Promise)) return this.#parse(content, oid);
    return this.#learn(oid, () => content.then((tree) => this.#parse(tree, oid)));
  }

  sizeOf(oid: Oid): number | undefined {
    const known = this.#targets.get(oid)?.length ?? this.#sizes.get(oid) ?? this.#book.get(oid);
    if (known !== undefined || this.#unnoted.size === 0) return known;
    this.#noteSizes();
    return this.#book.get(oid);
  }

  targetOf(oid: Oid): string | undefined {
    return this.#targets.get(oid);
  }

  /** Opens a blob that somebody reads, whose size is known then; at once where it is here. Throws what the source throws. */
  open(oid: Oid, waiting?: Waiting): Answer<OpenBlob> {
    const { blobs } = this.source;
    // Asking for a signal makes one.
    const opening = blobs.openHere?.(oid) ?? blobs.open(oid, EXPLICIT_READ, waiting?.signal);
    return whenHere(opening, (blob) => {
      this.#sizes.set(oid, blob.sizeBytes);
      return blob;
    });
  }

  /** Learns sizes, in one request. */
  async learnSizes(oids: Iterable<Oid>, waiting?: Waiting): Promise<void> {
    const unknown = [...new Set(oids)].filter((oid) => this.sizeOf(oid) === undefined);
    if (unknown.length === 0) return;
    const learning = async (): Promise<void> => {
      for (const [oid, sizeBytes] of await this.source.blobs.sizeOf(unknown)) this.#sizes.set(oid, sizeBytes);
    };
    const [first = ""] = unknown;
    const isAlone = unknown.length === 1;
    await waitFor(isAlone ? this.#learn(`size ${first}`, learning) : learning(), waiting?.signal);
  }

  /** Where the link leads that has this blob. @throws Refusal ENAMETOOLONG, EIO */
  async readTarget(oid: Oid, waiting?: Waiting): Promise<string> {
    return await waitFor(
      this.#learn(`link ${oid}`, () => this.#readTarget(oid)),
      waiting?.signal,
    );
  }

  async #readTarget(oid: Oid): Promise<string> {
    const known = this.#targets.get(oid);
    if (known !== undefined) return known;
    const blob = await this.open(oid);
    try {
      if (blob.sizeBytes > MAX_TARGET_BYTES) throw new Refusal("ENAMETOOLONG");
      const bytes = await readBlob(blob, 0, blob.sizeBytes);
      if (bytes.length === 0 || bytes.includes(0)) throw new Refusal("EIO");
      const target = Buffer.from(bytes).toString("latin1");
      this.#targets.set(oid, target);
      return target;
    } finally {
      blob.release();
    }
  }

  #parse({ content, sizes, ids }: TreeContent, oid: Oid): BaseTree {
    const tree = parseBaseTree(content, this.#format, oid, ids);
    if (sizes !== undefined) this.#unnoted.set(oid, { tree, sizes });
    if (this.#unnoted.size > MOST_UNNOTED) this.#noteSizes();
    return tree;
  }

  #noteSizes(): void {
    for (const { tree, sizes } of this.#unnoted.values()) tree.noteSizes(sizes, this.#book);
    this.#unnoted.clear();
  }

  #learn<T>(key: string, start: () => Promise<T>): Promise<T> {
    const under = this.#learning.get(key) as Promise<T> | undefined;
    if (under !== undefined) return under;
    const learning = start().finally(() => this.#learning.delete(key));
    this.#learning.set(key, learning);
    return learning;
  }
}
