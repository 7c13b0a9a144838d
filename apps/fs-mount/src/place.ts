import { resolve } from "node:path";
import { type ObjectSource, openRemoteSource, type RefSource } from "@millrace/promisor";
import { openRemote, openTransport } from "@millrace/protocol-v2/client";
import { wantPlainAddress } from "./address.ts";
import { openBucketPlace } from "./bucket-place.ts";

/** A repository somewhere: where its objects and its refs come from. */
export interface Place extends AsyncDisposable {
  readonly source: ObjectSource;
  readonly refs: RefSource;
  /** Fit to be printed: without passwords. */
  readonly address: string;
  /** As git takes it. */
  readonly url: string;
  /** What git needs beside the address to fetch from there and to push there. */
  readonly gitSettings: readonly PlaceSetting[];
}

/** What a git directory is to have in its configuration; without a value it is to have none by that name. */
export interface PlaceSetting {
  readonly key: string;
  readonly value: string | undefined;
}

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Opens what an address leads to: a repository in a bucket where it lies (`s3://bucket/prefix/name`), all others as git would reach
 * them. Nothing is asked for yet: what cannot be reached, or is not there (STORAGE_NOT_FOUND in a bucket), is told by the first question.
 * @throws MountError MOUNT_ADDRESS_REFUSED for one that would be kept in the git directory with a secret in it
 */
export async function openPlace(repository: string, environment: Environment): Promise<Place> {
  wantPlainAddress(repository);
  if (/^s3:\/\//i.test(repository)) return openBucketPlace(repository, environment);
  const url = absoluteAddress(repository);
  const remote = openRemote(await openTransport(url, { environment }));
  return {
    source: openRemoteSource(remote),
    refs: remote,
    address: remote.address,
    url,
    gitSettings: [],
    [Symbol.asyncDispose]: () => remote[Symbol.asyncDispose](),
  };
}

/** An address that means the same wherever it is said: a directory's path becomes absolute. */
export function absoluteAddress(repository: string): string {
  const isDirectory = !/^[a-z][a-z0-9+.-]*:\/\//i.test(repository) && !/^[^/]+:/.test(repository);
  return isDirectory ? resolve(repository) : repository;
}
