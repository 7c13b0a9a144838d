import type { Oid } from "@millrace/pack";

/** Takes blobs as they come, in any order; what nobody asked for is left alone. */
export interface BlobReceiver {
  /** A blob that is whole and has this id. The content may be kept. The source waits for what is answered before it goes on. */
  whole(oid: Oid, content: Uint8Array): void | Promise<void>;
  /**
   * A blob in pieces; its hash is checked here. A piece is the source's again when the next one is asked for.
   * What goes wrong with this blob alone does not come out of here, only what `chunks` throws.
   */
  pieces(oid: Oid, sizeBytes: number, chunks: AsyncIterable<Uint8Array>): Promise<void>;
  /** A blob that does not come, and why. */
  missing(oid: Oid, reason: unknown): void;
}

/** Where blobs come from. */
export interface BlobSource {
  /**
   * Fetches blobs in one request and hands each over once. Blobs that were neither handed over nor called missing when it
   * resolves did not come. Throws what made an end of the whole request, and `signal.reason`.
   */
  fetch(oids: readonly Oid[], receiver: BlobReceiver, signal: AbortSignal): Promise<void>;
  /** Sizes without the blobs, in one request, of those that it can tell of; absent where it never can. */
  readonly sizes?:
    | ((oids: readonly Oid[], signal: AbortSignal) => Promise<ReadonlyMap<Oid, number>>)
    | undefined;
}
