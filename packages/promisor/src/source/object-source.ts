import type { ObjectFilter, ObjectFormat, ObjectType, Oid } from "@millrace/pack";

/** An object: its type and content. The content is shared: read, do not write. */
export interface GitObject {
  readonly type: ObjectType;
  readonly content: Uint8Array;
}

/** An object that came, with the id that its bytes have. */
export interface FetchedObject extends GitObject {
  readonly oid: Oid;
}

/** What is asked of a source beside the objects themselves. */
export interface FetchOptions {
  /** What may be left out of all that comes along. */
  readonly filter?: ObjectFilter | string | undefined;
  /** Commits from each wanted one on. Default: all. */
  readonly depth?: number | undefined;
  readonly onProgress?: ((text: string) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** A pack on its way. Whoever has asked for it disposes it, read or not. */
export interface FetchedPack extends AsyncDisposable {
  /** Its bytes, once; each chunk is valid until the next one is asked for. */
  readonly pack: AsyncIterable<Uint8Array>;
  /** Commits that come without their parents. */
  readonly shallow: readonly Oid[];
}

/** Where objects come from that are not here. */
export interface ObjectSource {
  /** Fit to be printed. */
  readonly address: string;
  objectFormat(options?: { readonly signal?: AbortSignal | undefined }): Promise<ObjectFormat>;
  /**
   * Fetches objects, and what comes along with them. Nothing is told of what is here already: a server leaves out all that
   * a have reaches, which is more than a lazy client has.
   */
  fetch(wants: readonly Oid[], options?: FetchOptions): Promise<readonly FetchedObject[]>;
  /**
   * The same as a pack, for who keeps it as it is: it is the receiver's to check. `undefined` where nothing comes. Sources
   * without it are asked for the objects.
   */
  readonly fetchPack?:
    | ((wants: readonly Oid[], options?: FetchOptions) => Promise<FetchedPack | undefined>)
    | undefined;
  /** Sizes of objects without the objects, of those that it knows of; absent where it cannot tell. */
  readonly sizes?:
    | ((
        oids: readonly Oid[],
        options?: { readonly signal?: AbortSignal | undefined },
      ) => Promise<ReadonlyMap<Oid, number>>)
    | undefined;
}
