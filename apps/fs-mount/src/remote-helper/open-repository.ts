import { access, constants, mkdir } from "node:fs/promises";
import { availableParallelism } from "node:os";
import { createWorkerPool } from "@millrace/pack";
import { openRepository } from "@millrace/repository";
import { openInBucket } from "@millrace/storage-s3";
import { chooseBucketFolder } from "../folders.ts";
import { MountError } from "../errors.ts";
import { bucketEnvironment, readBucketSettings } from "./bucket-settings.ts";
import type { OpenForService, Service } from "./remote-helper.ts";

type Environment = Readonly<Record<string, string | undefined>>;

/**
 * Opens the repository that an address of git's leads to, for a fetch or a push: in a bucket, where it lies. What the git directory that git
 * works on says about the bucket goes before what the variables say.
 * @throws MountError MOUNT_BAD_REMOTE where the address is none of a bucket; STORAGE_NOT_FOUND, and what the storage throws
 */
export async function openWhereItLies(
  address: string,
  service: Service,
  environment: Environment,
): Promise<OpenForService> {
  if (!/^s3:\/\//i.test(address))
    throw new MountError("MOUNT_BAD_REMOTE", `${address} is no s3://bucket/prefix/name`);
  const settings = bucketEnvironment(await readBucketSettings(environment), environment);
  const options = { isOnlyRead: service === "git-upload-pack", cacheFolder: await cacheFolder(environment) };
  const found = await openInBucket(address, settings, (storage, name) => storage.open(name), options);
  const workers = createWorkerPool({ threads: availableParallelism() });
  const repository = openRepository(found.opened, { workers });
  return {
    repository,
    async [Symbol.asyncDispose]() {
      await workers[Symbol.asyncDispose]();
      await repository[Symbol.asyncDispose]();
      await found[Symbol.asyncDispose]();
    },
  };
}

/** Where what is read of the bucket stays for the next time; nowhere for who has no such place. */
async function cacheFolder(environment: Environment): Promise<string | undefined> {
  const folder = chooseBucketFolder(environment);
  try {
    await mkdir(folder, { recursive: true, mode: 0o700 });
    await access(folder, constants.W_OK);
    return folder;
  } catch {
    return undefined;
  }
}
