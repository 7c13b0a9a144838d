import { randomBytes } from "node:crypto";
import { once } from "node:events";
import { mkdtemp, rm } from "node:fs/promises";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { RunningServer } from "../ceph.ts";
import { answerRequest } from "./answer-request.ts";
import type { BucketContents } from "./bucket-contents.ts";

/**
 * Starts the small S3 server: what storages ask of a store, with conditions and signatures, for machines where no real one
 * can be installed. It answers as Ceph does, and what it leaves out with 501; small bodies are in memory, others in a
 * folder that goes with it.
 */
export async function startSmall(): Promise<RunningServer> {
  const folder = await mkdtemp(join(tmpdir(), "millrace-small-s3-"));
  const keys = { accessKeyId: "millrace-test", secretAccessKey: randomBytes(12).toString("hex") };
  const place = { folder, keys, buckets: new Map<string, BucketContents>() };
  const server = createServer((request, response) => void answerRequest(place, request, response));
  server.listen(0, "127.0.0.1");
  await once(server, "listening");
  const { port } = server.address() as AddressInfo;
  return {
    endpoint: {
      name: "the small S3 server",
      url: `http://127.0.0.1:${port}`,
      region: "us-east-1",
      ...keys,
    },
    async [Symbol.asyncDispose]() {
      server.closeAllConnections();
      server.close();
      await rm(folder, { recursive: true, force: true });
    },
  };
}
