import { chmod, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { type ServerOptions, startServer } from "@millrace/server";
import type { ObjectFormat } from "@millrace/pack";
import { createBucket, findServer } from "@millrace/s3-lab";
import { type ConfigEntry, createMemoryStorage, type Storage } from "@millrace/storage";
import { openFsStorage } from "@millrace/storage-fs";
import { openS3Storage, type S3Layout } from "@millrace/storage-s3";
import { git } from "./git.ts";
import { createScratch } from "./scratch.ts";
import { serverCli } from "./server-cli.ts";

/** A way to reach repositories: one transport over one backend. */
export interface Endpoint extends AsyncDisposable {
  /** What git is given as the repository's address. */
  url(repository: string): string;
  /** What git needs in its environment to get there. */
  readonly env: Readonly<Record<string, string>>;
  /** Makes sure that a push to this name finds a repository, or will create it (which makes sha1 ones). */
  prepare(repository: string, format?: ObjectFormat): Promise<void>;
  /** Makes an empty repository whose HEAD names a branch that is not there. */
  createEmpty(
    repository: string,
    branch: string,
    format?: ObjectFormat,
    config?: readonly ConfigEntry[],
  ): Promise<void>;
  /** Where the repository lies on a disk, for the backends that have one. */
  directory?(repository: string): string;
}

/** An endpoint that a suite can be run over. */
export interface EndpointKind {
  readonly name: string;
  /** Pushes of several refs are never all or nothing, and so not offered. */
  readonly hasNoAtomic?: boolean;
  /** Why it cannot be had here; absent where it always can. */
  missing?(): Promise<string | undefined>;
  open(options?: Partial<ServerOptions>): Promise<Endpoint>;
}

const httpFs: EndpointKind = {
  name: "HTTP over a disk",
  async open(options) {
    const scratch = await createScratch();
    const storage = openFsStorage({ root: scratch.path });
    const server = await startServer(
      storage,
      { host: "127.0.0.1", port: 0 },
      { version: "test", ...options },
    );
    return {
      url: (repository) => `http://127.0.0.1:${server.address.port}/${repository}`,
      env: {},
      async prepare(repository, format = "sha1") {
        if (format !== "sha1") await initBare(join(scratch.path, repository), "main", format);
      },
      createEmpty: (repository, ...rest) => initBare(join(scratch.path, repository), ...rest),
      directory: (repository) => join(scratch.path, repository),
      async [Symbol.asyncDispose]() {
        await server.close(0);
        await storage[Symbol.asyncDispose]();
        await scratch[Symbol.asyncDispose]();
      },
    };
  },
};

export const httpMemory: EndpointKind = {
  name: "HTTP over memory",
  open: (options) => serveStorage(createMemoryStorage(), options),
};

export const overBucket = (name: string, layout: S3Layout): EndpointKind => ({
  name,
  ...(layout === "bare" ? { hasNoAtomic: true } : {}),
  async missing() {
    const server = await findServer("store");
    return "missing" in server ? server.missing : undefined;
  },
  async open(options) {
    const server = await findServer("store");
    if ("missing" in server) throw new Error(server.missing);
    const { name: bucket } = await createBucket(server);
    const scratch = await createScratch();
    const { url: endpoint, region, ...credentials } = server;
    const place = { bucket, endpoint, region, credentials };
    const storage = await openS3Storage({ ...place, layout, spoolFolder: join(scratch.path, "spool") });
    const served = await serveStorage(storage, options);
    return {
      ...served,
      async [Symbol.asyncDispose]() {
        await served[Symbol.asyncDispose]();
        await scratch[Symbol.asyncDispose]();
      },
    };
  },
});

export const httpS3: EndpointKind = overBucket("HTTP over a bucket", "manifest");
/** A bucket of repositories as git lays them out. */
export const httpBare: EndpointKind = overBucket("HTTP over a bucket, bare", "bare");

/** A server in this process over a storage, which goes with it. */
async function serveStorage(storage: Storage, options?: Partial<ServerOptions>): Promise<Endpoint> {
  const server = await startServer(storage, { host: "127.0.0.1", port: 0 }, { version: "test", ...options });
  const createEmpty: Endpoint["createEmpty"] = async (repository, branch, objectFormat, config) => {
    const store = await storage.create(repository, { head: `refs/heads/${branch}`, objectFormat, config });
    await store[Symbol.asyncDispose]();
  };
  return {
    url: (repository) => `http://127.0.0.1:${server.address.port}/${repository}`,
    env: {},
    async prepare(repository, format = "sha1") {
      if (format !== "sha1") await createEmpty(repository, "main", format);
    },
    createEmpty,
    async [Symbol.asyncDispose]() {
      await server.close(0);
      await storage[Symbol.asyncDispose]();
    },
  };
}

/** Stands where ssh would: runs the service that git asks for, its standard streams being the connection. */
const SSH_STAND_IN = `#!/bin/sh
for command; do :; done
eval "exec '${process.execPath}' '${serverCli}' \${command#git-}"
`;

export const stdioFs: EndpointKind = {
  name: "stdio over a disk",
  async open() {
    const scratch = await createScratch();
    const ssh = join(scratch.path, "ssh");
    await writeFile(ssh, SSH_STAND_IN);
    await chmod(ssh, 0o755);
    return {
      url: (repository) => `ssh://localhost${scratch.path}/${repository}`,
      env: { GIT_SSH: ssh, GIT_SSH_VARIANT: "ssh" },
      prepare: (repository, format) => initBare(join(scratch.path, repository), "main", format),
      createEmpty: (repository, ...rest) => initBare(join(scratch.path, repository), ...rest),
      directory: (repository) => join(scratch.path, repository),
      [Symbol.asyncDispose]: () => scratch[Symbol.asyncDispose](),
    };
  },
};

async function initBare(
  directory: string,
  branch: string,
  format: ObjectFormat = "sha1",
  config: readonly ConfigEntry[] = [],
): Promise<void> {
  await git([
    "init",
    "--bare",
    "--quiet",
    `--initial-branch=${branch}`,
    `--object-format=${format}`,
    directory,
  ]);
  for (const { key, value } of config) await git(["config", "--add", key, value], { cwd: directory });
}

/** All ways that a scenario is run over. */
export const endpointKinds: readonly EndpointKind[] = [httpFs, stdioFs, httpMemory];
/** The same and the bucket, for suites that are worth its time. */
export const allEndpointKinds: readonly EndpointKind[] = [...endpointKinds, httpS3];
/** The server as a newcomer runs it. */
export const defaultEndpoint: EndpointKind = httpFs;
