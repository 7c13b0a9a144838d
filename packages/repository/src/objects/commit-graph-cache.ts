import { setImmediate as nextTurn } from "node:timers/promises";
import {
  type ByteCache,
  type CommitGraphFile,
  createHasher,
  hashLength,
  type ObjectFormat,
  type OperationOptions,
  openCommitGraphFile,
  PackError,
} from "@millrace/pack";
import type { StoredCommitGraph } from "@millrace/storage";

/** One version of a repository's commit-graph. */
export interface OpenedCommitGraph {
  readonly version: string;
  /** `undefined` where nothing of it holds. */
  readonly file: CommitGraphFile | undefined;
}

const NEWEST = "newest";
/** What is hashed between two turns of the event loop. */
const STEP_BYTES = 4 * 1024 * 1024;

/** Remembers the commit-graph of one repository until git writes another one. */
export class CommitGraphCache {
  readonly #kept: ByteCache<string, OpenedCommitGraph>;
  readonly #limitBytes: number;
  #opening: { readonly version: string; readonly file: Promise<CommitGraphFile | undefined> } | undefined;

  /** @param limitBytes a larger one is not read */
  constructor(kept: ByteCache<string, OpenedCommitGraph>, limitBytes: number) {
    this.#kept = kept;
    this.#limitBytes = limitBytes;
  }

  /** Opens a commit-graph, or finds it open. What is damaged is passed over, of layers with all above it. */
  async open(
    stored: StoredCommitGraph,
    format: ObjectFormat,
    { signal }: OperationOptions = {},
  ): Promise<CommitGraphFile | undefined> {
    const { version, sizeBytes } = stored;
    if (sizeBytes > this.#limitBytes) return undefined;
    const known = this.#kept.get(NEWEST);
    if (known?.version === version) return known.file;
    if (this.#opening?.version !== version) this.#opening = { version, file: this.#read(stored, format) };
    // Shared by all who ask meanwhile, so no single one of them can end it.
    const opening = this.#opening;
    try {
      const file = await opening.file;
      signal?.throwIfAborted();
      return file;
    } finally {
      if (this.#opening === opening) this.#opening = undefined;
    }
  }

  async #read(stored: StoredCommitGraph, format: ObjectFormat): Promise<CommitGraphFile | undefined> {
    let file: CommitGraphFile | undefined;
    try {
      for (const bytes of await stored.read()) {
        file = openCommitGraphFile(bytes, format, { below: file, hash: await hashOf(bytes, format) });
      }
    } catch (error) {
      // What is wrong with it is for git fsck to tell: all that it says can be found without.
      if (!(error instanceof PackError)) throw error;
    }
    this.#kept.set(NEWEST, { version: stored.version, file }, file === undefined ? 0 : stored.sizeBytes);
    return file;
  }
}

/** The hash of what stands before a file's trailing checksum. */
async function hashOf(bytes: Uint8Array, format: ObjectFormat): Promise<Uint8Array> {
  const hasher = createHasher(format);
  const end = Math.max(0, bytes.length - hashLength(format));
  for (let at = 0; at < end; at += STEP_BYTES) {
    if (at > 0) await nextTurn();
    hasher.update(bytes.subarray(at, Math.min(end, at + STEP_BYTES)));
  }
  return hasher.digest();
}
