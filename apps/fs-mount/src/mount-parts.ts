import { join } from "node:path";
import { type BlobCache, openBlobCache } from "./cache/blob-cache.ts";
import { type Checkout, type CheckoutOptions, openCheckout } from "./filters/checkout.ts";
import { type GitDirectory, openGitDirectory } from "./git-directory/git-directory.ts";
import type { GitDirectoryOptions } from "./git-directory/prepare.ts";
import { Hydrator } from "./hydrator/hydrator.ts";
import { openPromisorSource } from "./hydrator/promisor-source.ts";
import { SizeBook } from "./hydrator/size-book.ts";

/** What a mount is made of, for who looks after it. */
export interface MountParts {
  readonly git: GitDirectory;
  readonly hydrator: Hydrator;
  readonly cache: BlobCache;
}

/** What a mount is made of, and what it knows of sizes. */
export interface OpenParts extends MountParts {
  readonly sizes: SizeBook;
  readonly checkout: Checkout;
  readonly saveSizes: () => Promise<void>;
}

/** Where the parts of a mount keep what they know, and how its files are checked out. */
export interface OpenPartsOptions {
  readonly git: GitDirectoryOptions;
  readonly checkout: Pick<CheckoutOptions, "stateFolder" | "files" | "settings" | "url">;
  readonly cacheFolder: string;
  readonly cacheBytes: number | undefined;
}

/** Opens what a mount works with. Throws as `openGitDirectory` and `openBlobCache` do; nothing is open then. */
export async function openParts(options: OpenPartsOptions): Promise<OpenParts> {
  const { stateFolder } = options.checkout;
  const git = await openGitDirectory(options.git);
  try {
    const cache = await openBlobCache({ folder: options.cacheFolder, maxBytes: options.cacheBytes });
    const sizes = new SizeBook();
    const sizesFile = join(stateFolder, "sizes");
    await sizes.load(sizesFile, git.format);
    const hydrator = new Hydrator({ cache, source: openPromisorSource(git.objects), sizes });
    const checkout = await openCheckout({ ...options.checkout, format: git.format, hydrator, cache });
    const saveSizes = async (): Promise<void> => {
      await sizes.save(sizesFile, git.format);
      await checkout.save();
    };
    return { git, hydrator, cache, checkout, sizes, saveSizes };
  } catch (error) {
    await git[Symbol.asyncDispose]();
    throw error;
  }
}
