import { type ObjectSource, openRemoteSource, openStorageSource, type RefSource } from "@millrace/promisor";
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

async function openInBucket(address: string, environment: Environment, { signal }: Options): Promise<Place> {
  // Whoever reads from elsewhere starts in half the time without it.
  const bucket = await import("@millrace/storage-s3");
  const found = await bucket.openInBucket(address, environment, (storage, name) =>
    openStorageSource(storage, name, { signal }),
  );
  const source = found.opened;
  return { source, refs: source, [Symbol.asyncDispose]: () => found[Symbol.asyncDispose]() };
}
