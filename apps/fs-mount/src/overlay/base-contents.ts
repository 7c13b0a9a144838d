import { readSync } from "node:fs";
import type { ObjectFormat, Oid } from "@millrace/pack";
import { EXPLICIT_READ } from "../hydrator/blobs.ts";
import { MODE_OF } from "../view/base-node.ts";
import { parseBaseTree } from "../view/base-tree.ts";
import { Refusal } from "../view/refusal.ts";
import type { Answer, ViewSource, Waiting } from "../view/view.ts";
import { waitFor } from "../view/wait.ts";
import type { LowerEntry, LowerTree } from "./row.ts";

/** Where a symbolic link may lead, in bytes (PATH_MAX and its NUL). */
const MAX_TARGET_BYTES = 4095;

/** Trees, sizes and targets of links by their ids, as they have been learnt: what lies below an overlay. */
export class BaseContents {
  readonly source: ViewSource;
  readonly #format: ObjectFormat;
  readonly #trees = new Map<Oid, { readonly tree: LowerTree; holders: number }>();
  readonly #sizes = new Map<Oid, number>();
  readonly #targets = new Map<Oid, string>();
  readonly #learning = new Map<string, Promise<unknown>>();

  constructor(source: ViewSource, format: ObjectFormat) {
    this.source = source;
    this.#format = format;
  }

  /** A tree that somebody holds. */
  held(oid: Oid): LowerTree {
    const held = this.#trees.get(oid);
    if (held === undefined) throw new Error(`the tree ${oid} is not here`);
    return held.tree;
  }

  /** Reads a tree, and holds it until `release`. Throws what the source throws, MOUNT_BAD_TREE. */
  hold(oid: Oid, waiting?: Waiting): Answer<LowerTree> {
    const kept = (tree: LowerTree): LowerTree => {
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
    if (held !== undefined && --held.holders <= 0) this.#trees.delete(oid);
  }

  /** Reads a tree; once, however many wait for it. */
  read(oid: Oid): Answer<LowerTree> {
    const under = this.#learning.get(oid) as Promise<LowerTree> | undefined;
    if (under !== undefined) return under;
    const content = this.source.tree(oid);
    if (!(content instanceof Promise)) return this.#parse(content, oid);
    return this.#learn(oid, () => content.then((bytes) => this.#parse(bytes, oid)));
  }

  sizeOf(oid: Oid): number | undefined {
    return this.#targets.get(oid)?.length ?? this.#sizes.get(oid);
  }

  targetOf(oid: Oid): string | undefined {
    return this.#targets.get(oid);
  }

  /** Learns sizes, in one request. */
  async learnSizes(oids: Iterable<Oid>, waiting?: Waiting): Promise<void> {
    const unknown = [...new Set(oids)].filter((oid) => this.sizeOf(oid) === undefined);
    if (unknown.length === 0) return;
    const learning = this.#learn(`sizes ${unknown.join()}`, async () => {
      for (const [oid, sizeBytes] of await this.source.blobs.sizeOf(unknown)) this.#sizes.set(oid, sizeBytes);
    });
    await waitFor(learning, waiting?.signal);
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
    const blob = await this.source.blobs.open(oid, EXPLICIT_READ);
    try {
      if (blob.sizeBytes > MAX_TARGET_BYTES) throw new Refusal("ENAMETOOLONG");
      await blob.readable?.(blob.sizeBytes);
      const bytes = Buffer.alloc(blob.sizeBytes);
      const count = readSync(blob.fd, bytes, 0, bytes.length, 0);
      if (count !== bytes.length || count === 0 || bytes.includes(0)) throw new Refusal("EIO");
      const target = bytes.toString("latin1");
      this.#targets.set(oid, target);
      return target;
    } finally {
      blob.release();
    }
  }

  #parse(content: Uint8Array, oid: Oid): LowerTree {
    const tree = new Map<string, LowerEntry>();
    for (const { name, kind, oid: entry } of parseBaseTree(content, this.#format, oid).values())
      tree.set(name, { mode: MODE_OF[kind], oid: entry });
    return tree;
  }

  #learn<T>(key: string, start: () => Promise<T>): Promise<T> {
    const under = this.#learning.get(key) as Promise<T> | undefined;
    if (under !== undefined) return under;
    const learning = start().finally(() => this.#learning.delete(key));
    this.#learning.set(key, learning);
    return learning;
  }
}
