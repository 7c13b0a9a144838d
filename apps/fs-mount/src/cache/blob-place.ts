import { mkdirSync } from "node:fs";
import { join } from "node:path";
import type { Oid } from "@millrace/pack";

/** Blobs lie in 16 folders, by the first digit of their ids: what a folder costs counts more than how many files it has. */
export const BLOB_FOLDER: RegExp = /^[0-9a-f]$/;
/** A blob's file has its id for a name. */
export const BLOB_FILE: RegExp = /^(?:[0-9a-f]{40}|[0-9a-f]{64})$/;
/** Blobs on their way lie in one folder: file systems spread the files of many folders over the disk, which costs time. */
export const DRAFT_FOLDER = "drafts";
/** A blob on its way: id, whose it is, and a number. */
export const DRAFT_FILE: RegExp = /^(?:[0-9a-f]{40}|[0-9a-f]{64})\.[0-9a-f-]{36}-\d+\.draft$/;

/** The folders of a cache, each made before the first blob in it. */
export class BlobPlaces {
  readonly folder: string;
  readonly #made = new Set<string>();

  constructor(folder: string) {
    this.folder = folder;
  }

  /** Where a blob lies once it is whole. */
  pathOf(oid: Oid): string {
    return `${this.folder}/${oid[0]}/${oid}`;
  }

  /** Where a blob lies until then, under a name of this end; makes the folders that it needs. Throws what the disk says. */
  draftPathOf(oid: Oid, suffix: string): string {
    this.makeFor(oid);
    this.#make(DRAFT_FOLDER);
    return `${this.folder}/${DRAFT_FOLDER}/${oid}${suffix}`;
  }

  /** Makes the folder that a blob is to lie in. Throws what the disk says. */
  makeFor(oid: Oid): void {
    this.#make(oid[0]!);
  }

  /** Somebody has deleted folders: they are made again. */
  forget(): void {
    this.#made.clear();
  }

  #make(part: string): void {
    if (this.#made.has(part)) return;
    mkdirSync(join(this.folder, part), { recursive: true, mode: 0o700 });
    this.#made.add(part);
  }
}
