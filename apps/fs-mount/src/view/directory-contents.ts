import type { Oid } from "@millrace/pack";
import type { BaseContents } from "./base-contents.ts";
import { isDirectory, isFile, isLink } from "./mode.ts";
import { Refusal } from "./refusal.ts";
import type { Waiting } from "./view.ts";
import { waitFor } from "./wait.ts";

/** Links of one directory that are read at once. */
const LINKS_AT_ONCE = 256;

/** A directory whose files are looked at; its marks say by whom. */
export interface LookedAtDirectory {
  /** Somebody has listed it, has wanted the size of one file; its files were asked for in advance. */
  isListed: boolean;
  isMeasured: boolean;
  isPrefetched: boolean;
  /** Sizes of its files, and of its links, that are being learnt. */
  measuring: Promise<void> | undefined;
  measuringLinks: Promise<void> | undefined;
}

/** What is in a directory: names and what they are. */
export type Entries = Iterable<
  readonly [name: string, what: { readonly mode: number; readonly oid?: Oid | undefined }]
>;

/** Learns of the contents of a directory's files what is wanted, along with what is likely to be wanted next. */
export class DirectoryContents {
  readonly #contents: BaseContents;

  constructor(contents: BaseContents) {
    this.#contents = contents;
  }

  /**
   * The size of a file. The first one in a directory that nobody has listed is learnt alone: where the server does not tell sizes,
   * whoever runs one file does not want all of them.
   */
  async size(directory: LookedAtDirectory, entries: Entries, oid: Oid, waiting?: Waiting): Promise<number> {
    if (directory.isListed || directory.isMeasured) {
      directory.measuring ??= this.#contents
        .learnSizes(oidsOf(entries, (what) => !isDirectory(what)))
        .finally(() => (directory.measuring = undefined));
      await waitFor(directory.measuring, waiting?.signal);
    }
    directory.isMeasured = true;
    // It may have come to the directory since.
    if (this.#contents.sizeOf(oid) === undefined) await this.#contents.learnSizes([oid], waiting);
    const learnt = this.#contents.sizeOf(oid);
    if (learnt === undefined) throw new Refusal("EIO");
    return learnt;
  }

  /** Learns the sizes of a directory's links; whoever follows one is told of a fault. */
  async linkSizes(directory: LookedAtDirectory, entries: Entries, waiting?: Waiting): Promise<void> {
    directory.measuringLinks ??= this.#contents
      .learnSizes(oidsOf(entries, isLink))
      .finally(() => (directory.measuringLinks = undefined));
    try {
      await waitFor(directory.measuringLinks, waiting?.signal);
    } catch (error) {
      if (waiting?.signal.aborted === true) throw error;
    }
  }

  /** Where a link leads; the other links of its directory are read along with it. */
  async target(entries: Entries, oid: Oid, waiting?: Waiting): Promise<string> {
    const asked = this.#contents.readTarget(oid, waiting);
    const others = oidsOf(entries, isLink).filter((other) => this.#contents.targetOf(other) === undefined);
    for (const other of others.slice(0, LINKS_AT_ONCE))
      this.#contents.readTarget(other).catch(() => undefined);
    return await asked;
  }

  /** Who has listed a directory and opens a file of it is likely to open others. */
  prefetch(directory: LookedAtDirectory, entries: Entries): void {
    if (!directory.isListed || directory.isPrefetched) return;
    directory.isPrefetched = true;
    const files: { oid: Oid; name: string }[] = [];
    for (const [name, what] of entries)
      if (isFile(what) && what.oid !== undefined) files.push({ oid: what.oid, name });
    if (files.length > 1) this.#contents.source.blobs.prefetch(files);
  }
}

function oidsOf(entries: Entries, isMeant: (what: { readonly mode: number }) => boolean): Oid[] {
  const oids: Oid[] = [];
  for (const [, what] of entries) if (what.oid !== undefined && isMeant(what)) oids.push(what.oid);
  return oids;
}
