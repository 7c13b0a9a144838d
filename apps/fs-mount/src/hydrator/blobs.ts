import type { Oid } from "@millrace/pack";

/** A blob that can be read. */
export interface OpenBlob {
  /** For reads at an offset. It stays valid until `release`, whatever is evicted meanwhile. */
  readonly fd: number;
  /** Bytes of the whole blob. */
  readonly sizeBytes: number;
  /**
   * Where the blob is still arriving: resolves when its first `endBytes` bytes can be read. Absent where all of them are there.
   * Rejects with what the fetch throws, and `signal.reason`.
   */
  readonly readable?: ((endBytes: number, signal?: AbortSignal) => Promise<void>) | undefined;
  /** Gives the descriptor back. Call it once. */
  release(): void;
}

/** A file of a directory that somebody reads in. */
export interface PrefetchedFile {
  readonly oid: Oid;
  /** Its name within the directory, bytes one to a character: it tells how soon the file is likely to be read. */
  readonly name: string;
}

/** Contents of files, fetched when they are asked for. */
export interface Blobs {
  /**
   * Opens a blob; those that are asked for at one moment travel in one request.
   * @param priority the higher, the sooner: 1000 for somebody who waits
   * @throws MountError MOUNT_STOPPED, what the fetch throws, and `signal.reason`, which ends only this wait
   */
  open(oid: Oid, priority: number, signal?: AbortSignal): Promise<OpenBlob>;
  /** Opens a blob that is here, at once; `undefined` where it has to be asked for. */
  openHere?(oid: Oid): OpenBlob | undefined;
  /**
   * Bytes of these blobs, of those that exist. Where the source cannot tell, they are fetched for it, in one batch: ask for all of
   * a directory at once. Throws as `open`.
   */
  sizeOf(oids: readonly Oid[], signal?: AbortSignal): Promise<ReadonlyMap<Oid, number>>;
  /** Fetches in the background what is likely to be read soon; the bound and the order are the hydrator's. */
  prefetch(files: readonly PrefetchedFile[]): void;
  /** Somebody has opened this blob by other ways: what they are likely to open next is fetched. */
  opened?(oid: Oid): void;
}

/** The priority of somebody who waits for the answer. */
export const EXPLICIT_READ = 1000;
