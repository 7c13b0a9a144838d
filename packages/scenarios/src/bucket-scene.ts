import { randomBytes } from "node:crypto";
import { join } from "node:path";
import {
  createBucket,
  demandServer,
  type FaultProxy,
  openFaultProxy,
  type Skippable,
  type TestBucket,
} from "@millrace/s3-lab";
import { type BucketPlace, serveBucket } from "./bucket-processes.ts";
import { createScratch, type Scratch } from "./scratch.ts";
import type { ServerProcess } from "./server-process.ts";
import { openWorkTree, type WorkTree } from "./work-tree.ts";

/** An empty bucket behind a proxy, a repository with a commit to push, and the servers that a test starts. */
export interface BucketScene extends AsyncDisposable {
  readonly scratch: Scratch;
  readonly bucket: TestBucket;
  readonly proxy: FaultProxy;
  readonly local: WorkTree;
  /** Starts the built server in a process of its own, which goes with the scene. */
  serve(place: BucketPlace, ...flags: readonly string[]): Promise<ServerProcess>;
}

/** Sets the scene; skips the test where there is no real store. */
export async function openBucketScene(context: Skippable): Promise<BucketScene> {
  const endpoint = await demandServer("store", context);
  const scratch = await createScratch();
  const bucket = await createBucket(endpoint);
  const proxy = await openFaultProxy(endpoint.url);
  const local = await openWorkTree(join(scratch.path, "local"), {}, "sha1");
  await local.commit("first", { "a.txt": "one\n", "b.txt": randomBytes(3000).toString("hex") });
  const servers: ServerProcess[] = [];
  return {
    scratch,
    bucket,
    proxy,
    local,
    async serve(place, ...flags) {
      const server = await serveBucket(place, ...flags);
      servers.push(server);
      return server;
    },
    async [Symbol.asyncDispose]() {
      await Promise.all(servers.map((server) => server[Symbol.asyncDispose]()));
      await proxy[Symbol.asyncDispose]();
      await scratch[Symbol.asyncDispose]();
    },
  };
}
