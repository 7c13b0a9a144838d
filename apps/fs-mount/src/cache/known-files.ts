import { closeSync, fstatSync } from "node:fs";
import type { Oid } from "@millrace/pack";
import { BlobPlaces } from "./blob-place.ts";
import { noteUse, openFile } from "./file-access.ts";
import { type CachedBlob, wholeBlob } from "./open-blob.ts";
import { type FileIdentity, VerifiedFiles } from "./verified-files.ts";

/**
 * The files of a cache that another thread has verified, opened here without asking it. What is not in the state that was
 * verified is none of them.
 */
export class KnownFiles {
  readonly #places: BlobPlaces;
  readonly #verified = new VerifiedFiles();

  constructor(folder: string) {
    this.#places = new BlobPlaces(folder);
  }

  learn(oid: Oid, file: FileIdentity): void {
    this.#verified.add(oid, file);
  }

  /** Opens a blob, if it is known and as it was; nobody need be told. */
  open(oid: Oid): CachedBlob | undefined {
    if (!this.#verified.knows(oid)) return undefined;
    let fd: number | undefined;
    try {
      fd = openFile(this.#places.pathOf(oid));
      if (fd !== undefined) {
        const stats = fstatSync(fd);
        if (this.#verified.has(oid, stats)) {
          noteUse(fd, stats);
          return wholeBlob(oid, fd, stats.size);
        }
        closeSync(fd);
      }
    } catch {
      // Whoever is asked next says what is wrong.
      if (fd !== undefined) closeSync(fd);
    }
    this.#verified.forget(oid);
    return undefined;
  }
}
