import { join } from "node:path";
import type { ObjectFormat, Oid } from "@millrace/pack";
import type { BlobCache } from "../cache/blob-cache.ts";
import { MountError } from "../errors.ts";
import type { Hydrator } from "../hydrator/hydrator.ts";
import { PRIORITY } from "../hydrator/priority.ts";
import { CheckoutTrees, nameRoot } from "./checkout-trees.ts";
import { ConversionBook } from "./conversion-book.ts";
import { ConvertedBlobs } from "./converted-blobs.ts";
import { type ContentStore, KeptFiles } from "./kept-files.ts";
import { LfsClient, lfsEndpoint } from "./lfs-client.ts";
import type { LfsSource } from "./lfs-content.ts";
import { readLfsUrl, readSettings, type SettingsOptions } from "./settings.ts";

/** What a checkout works with. */
export interface CheckoutOptions {
  readonly format: ObjectFormat;
  /** Of this mount: what contents become is kept here. */
  readonly stateFolder: string;
  readonly hydrator: Hydrator;
  readonly cache: BlobCache;
  /** Where attributes files and settings are kept. */
  readonly files: ContentStore;
  readonly settings: Omit<SettingsOptions, "signal">;
  /** Of the repository, as git takes it: files of git-lfs are had beside it. */
  readonly url: string;
}

const FOLDER = "attributes";
const BOOK = "conversions";

/** Where files of git-lfs come from, once one is asked for. */
export function openLfs(url: string, settings: CheckoutOptions["settings"], signal?: AbortSignal): LfsSource {
  let client: LfsClient | undefined;
  return async function* (pointer) {
    client ??= new LfsClient(lfsEndpoint(url, await readLfsUrl(settings)), settings.environment);
    yield* client.download(pointer, signal);
  };
}

/** What ids mean of a mount with this state folder. */
export function openMeanings(stateFolder: string): ContentStore {
  return new KeptFiles(join(stateFolder, FOLDER));
}

/** Opens what shows the files of a mount as `git checkout` would write them. Throws what the disk says. */
export async function openCheckout(options: CheckoutOptions): Promise<Checkout> {
  const book = new ConversionBook();
  await book.load(join(options.stateFolder, BOOK));
  return new Checkout(options, book);
}

/** Trees and contents of a mount, as `git checkout` writes them. */
export class Checkout {
  readonly blobs: ConvertedBlobs;
  readonly #options: CheckoutOptions;
  readonly #book: ConversionBook;
  readonly #trees: CheckoutTrees;
  readonly #closing = new AbortController();

  /** @internal Use `openCheckout`. */
  constructor(options: CheckoutOptions, book: ConversionBook) {
    const { format, hydrator, cache, files } = options;
    this.#options = options;
    this.#book = book;
    this.#trees = new CheckoutTrees({
      format,
      files,
      blob: (oid, maxBytes) => hydrator.read(oid, maxBytes, PRIORITY.read),
    });
    this.blobs = new ConvertedBlobs({
      format,
      blobs: hydrator,
      cache,
      book,
      lfs: openLfs(options.url, options.settings, this.#closing.signal),
    });
  }

  /** What the root of a tree is called, by the settings of this moment. Throws what the disk says. */
  async root(tree: Oid, signal?: AbortSignal): Promise<Oid> {
    const { settings, files } = this.#options;
    return await nameRoot(tree, await readSettings({ ...settings, signal }), files);
  }

  /** As `CheckoutTrees.tree`. */
  readonly tree: CheckoutTrees["tree"] = async (id, read) => await this.#trees.tree(id, read);

  /** Ends what is on its way from a server of git-lfs. */
  close(): void {
    this.#closing.abort(new MountError("MOUNT_STOPPED", "the mount has ended"));
  }

  /** Keeps what was learnt of sizes. Throws what the disk says. */
  async save(): Promise<void> {
    await this.#book.save(join(this.#options.stateFolder, BOOK));
  }
}
