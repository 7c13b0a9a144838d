import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  createBucket,
  type FaultProxy,
  longestChain,
  openFaultProxy,
  openLab,
  type S3Endpoint,
  type TestBucket,
} from "@millrace/s3-lab/outside";
import { type ServerProcess, startServing } from "@millrace/scenarios/server-process";

/** What was asked of the store meanwhile. */
export interface Asked {
  readonly seconds: number;
  readonly requests: number;
  readonly chain: number;
}

/** How a server is started. */
export interface ServeOptions {
  /** A folder that outlives the server; without one it remembers nothing. */
  readonly cacheFolder?: string | undefined;
  /** Behind the prefix of the store's address: options, as the command line takes them. */
  readonly query?: string | undefined;
  /** Further flags of `serve`. */
  readonly flags?: readonly string[] | undefined;
}

/** A bucket behind a proxy that delays and counts, and servers over it. */
export interface BucketLab extends AsyncDisposable {
  readonly proxy: FaultProxy;
  readonly bucket: TestBucket;
  /** Do little: whether it works, not how fast. */
  readonly isQuick: boolean;
  /** An empty folder that goes with the lab. */
  folder(name: string): Promise<string>;
  /** Starts the built server. What it asks of the bucket at the start is not counted. */
  serve(options?: ServeOptions): Promise<ServerProcess & { readonly port: number }>;
  /** Does something and tells how long it took and what was asked of the store. */
  watch(work: () => Promise<unknown>): Promise<Asked>;
}

export interface BucketLabOptions {
  /** Delay of each request on its way to the store, in milliseconds. */
  readonly latencyMs: number;
  readonly isQuick: boolean;
}

/** Starts an S3 server, or takes the one that the environment names, and makes a bucket in it. */
export async function openBucketLab({ latencyMs, isQuick }: BucketLabOptions): Promise<BucketLab> {
  const lab = await openLab();
  const scratch = await mkdtemp(join(tmpdir(), "millrace-bench-s3-"));
  const answer = await fetch(`${lab.url}/store`);
  if (!answer.ok) throw new Error(await answer.text());
  const endpoint = (await answer.json()) as S3Endpoint;
  const bucket = await createBucket(endpoint);
  const proxy = await openFaultProxy(endpoint.url);
  let folders = 0;
  const folder = async (name: string): Promise<string> => mkdtemp(join(scratch, `${name}-${folders++}-`));
  return {
    proxy,
    bucket,
    isQuick,
    folder,
    async serve({ cacheFolder, query = "", flags = [] } = {}) {
      proxy.latencyMs = 0;
      const cache = cacheFolder === undefined ? [] : ["--cache-dir", cacheFolder];
      const store = ["--store", `s3://${bucket.name}/git${query}`, "--endpoint", proxy.url];
      const server = await startServing([...store, ...cache, ...flags], {
        AWS_REGION: endpoint.region,
        AWS_ACCESS_KEY_ID: endpoint.accessKeyId,
        AWS_SECRET_ACCESS_KEY: endpoint.secretAccessKey,
        TMPDIR: await folder("tmp"),
      });
      proxy.latencyMs = latencyMs;
      return { ...server, port: Number(new URL(server.url).port) };
    },
    async watch(work) {
      proxy.clear();
      const startedAt = performance.now();
      await work();
      const seconds = (performance.now() - startedAt) / 1000;
      return { seconds, requests: proxy.requests.length, chain: longestChain(proxy.requests) };
    },
    async [Symbol.asyncDispose]() {
      await proxy[Symbol.asyncDispose]();
      await lab[Symbol.asyncDispose]();
      await rm(scratch, { recursive: true, force: true });
    },
  };
}
