import type { Oid } from "@millrace/pack";

/** Sizes of blobs that were learnt, in bytes. They hold for ever: a blob's content is what its id says. */
export class SizeBook {
  readonly #sizes = new Map<Oid, number>();

  get(oid: Oid): number | undefined {
    return this.#sizes.get(oid);
  }

  learn(oid: Oid, sizeBytes: number): void {
    this.#sizes.set(oid, sizeBytes);
  }
}
