import { createBucket, demandServer, type TestBucket } from "@millrace/s3-lab";
import { conformanceCases } from "@millrace/storage/conformance";
import { describe, test } from "vitest";
import { s3Capabilities } from "../src/index.ts";
import { openTestStorage } from "./open-test-storage.ts";

const buckets = new Map<string, Promise<TestBucket>>();

for (const server of ["ceph", "moto"] as const) {
  describe(`s3 conforms, on ${server}`, () => {
    for (const [number, { name, needs, run }] of conformanceCases.entries()) {
      test(name, async (ctx) => {
        const missing = needs.filter((capability) => !s3Capabilities[capability]);
        if (missing.length > 0) ctx.skip(`s3 does not declare ${missing.join(", ")}`);
        const endpoint = await demandServer(server, ctx);
        let bucket = buckets.get(server);
        if (bucket === undefined) buckets.set(server, (bucket = createBucket(endpoint)));
        const place = { endpoint, bucket: (await bucket).name };
        const storage = await openTestStorage(place, { prefix: `case/${number}` });
        try {
          await run({ storage });
        } finally {
          await storage[Symbol.asyncDispose]();
        }
      });
    }
  });
}
