import type { CommitGraphFile, ObjectFormat, PackReader, PackedObject } from "@millrace/pack";
import type { BitmappedPack } from "../objects/bitmapped-pack.ts";
import type { GraphSet } from "../objects/graph-set.ts";
import type { BitmapsOptions, GraphsOptions, ObjectInfo, ObjectReader } from "../objects/object-view.ts";

/** A pushed pack, still in quarantine, over the objects that the repository has. */
export class OverlayReader implements ObjectReader {
  readonly format: ObjectFormat;
  readonly #staged: PackReader;
  readonly #base: ObjectReader;

  constructor(staged: PackReader, base: ObjectReader) {
    this.format = base.format;
    this.#staged = staged;
    this.#base = base;
  }

  async read(oid: Uint8Array): Promise<PackedObject> {
    const position = this.#staged.index.find(oid);
    return position < 0 ? this.#base.read(oid) : this.#staged.read(position);
  }

  async info(oid: Uint8Array): Promise<ObjectInfo | undefined> {
    const position = this.#staged.index.find(oid);
    return position < 0 ? this.#base.info(oid) : this.#staged.info(position);
  }

  /** What the repository's graphs tell; of the pushed pack, only reading tells. */
  graphs(options?: GraphsOptions): Promise<GraphSet | undefined> {
    return this.#base.graphs(options);
  }

  bitmaps(options?: BitmapsOptions): Promise<readonly BitmappedPack[]> {
    return this.#base.bitmaps(options);
  }

  commitGraph(): Promise<CommitGraphFile | undefined> {
    return this.#base.commitGraph();
  }

  isPacked(oid: Uint8Array): boolean {
    return this.#staged.index.find(oid) >= 0 || this.#base.isPacked(oid);
  }

  async has(oid: Uint8Array): Promise<boolean> {
    return this.#staged.index.find(oid) >= 0 || this.#base.has(oid);
  }
}
