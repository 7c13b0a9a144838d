import {
  type ObjectSource,
  openRemoteSource,
  openStorageSource,
  type RefSource,
  type StorageSource,
} from "@millrace/promisor";
import { openRemote, openTransport, type TransportUser } from "@millrace/protocol-v2/client";

/** A repository somewhere: where its objects and its refs come from. */
export interface Place extends AsyncDisposable {
  readonly source: ObjectSource;
  readonly refs: RefSource;
}

type Environment = Readonly<Record<string, string | undefined>>;
/** On whose behalf a place is opened. */
type Options = Pick<TransportUser, "prompts" | "signal">;

/** Opens what an address leads to: a repository in a bucket where it lies, all others as git would reach them. */
export async function openPlace(
  repository: string,
  environment: Environment,
  options: Options = {},
): Promise<Place> {
  if (/^s3:\/\//i.test(repository)) return openInBucket(repository, environment, options);
  const remote = openRemote(await openTransport(repository, { environment, ...options }));
  return {
    source: openRemoteSource(remote),
    refs: remote,
    [Symbol.asyncDispose]: () => remote[Symbol.asyncDispose](),
  };
}

/**
 * `s3://bucket/a/b/c` may be the repository `c` of a store at `a/b`, `b/c` of one at `a`, or `a/b/c` of the whole bucket: the
 * first that is there.
 */
async function openInBucket(address: string, environment: Environment, options: Options): Promise<Place> {
  // Whoever reads from elsewhere starts in half the time without it.
  const { openBucketStore } = await import("@millrace/storage-s3");
  const [, bucket = "", path = "", query = ""] =
    /^s3:\/\/([^/?]*)\/*([^?]*?)\/*(\?.*)?$/i.exec(address) ?? [];
  const parts = path.split("/");
  let absent: unknown;
  for (let at = parts.length - 1; at >= 0; at--) {
    const prefix = parts.slice(0, at).map((part) => `/${part}`);
    const storage = await openBucketStore(
      { store: `s3://${bucket}${prefix.join("")}${query}`, isOnlyRead: true },
      undefined,
      environment,
    );
    try {
      const source = await openStorageSource(storage, parts.slice(at).join("/"), { signal: options.signal });
      return { source, refs: source, [Symbol.asyncDispose]: () => closeBoth(source, storage) };
    } catch (error) {
      await storage[Symbol.asyncDispose]();
      if ((error as { readonly code?: unknown }).code !== "STORAGE_NOT_FOUND") throw error;
      absent ??= error;
    }
  }
  throw new Error(`there is no repository at ${address}`, { cause: absent });
}

async function closeBoth(source: StorageSource, storage: AsyncDisposable): Promise<void> {
  await source[Symbol.asyncDispose]();
  await storage[Symbol.asyncDispose]();
}
