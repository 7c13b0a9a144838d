import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import S3rver from "s3rver";
import type { RunningServer } from "./ceph.ts";

/** Starts s3rver, which answers conditional writes with 200 and does them whatever the condition: nobody should store on it. */
export async function startUnconditional(): Promise<RunningServer> {
  const directory = await mkdtemp(join(tmpdir(), "millrace-s3rver-"));
  const s3rver = new S3rver({ directory, silent: true, address: "127.0.0.1", port: 0 });
  const { port } = await s3rver.run();
  return {
    endpoint: {
      name: "s3rver",
      url: `http://127.0.0.1:${port}`,
      region: "us-east-1",
      accessKeyId: "S3RVER",
      secretAccessKey: "S3RVER",
    },
    async [Symbol.asyncDispose]() {
      s3rver.httpServer.closeAllConnections();
      await s3rver.close();
      await rm(directory, { recursive: true, force: true });
    },
  };
}
