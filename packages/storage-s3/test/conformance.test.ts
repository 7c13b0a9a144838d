import { createBucket, demandServer, type TestBucket } from "@millrace/s3-lab";
import { conformanceCases } from "@millrace/storage/conformance";
import { describe, expect, test } from "vitest";
import { bareCapabilities, type S3Layout, s3Capabilities } from "../src/index.ts";
import { openTestStorage } from "./open-test-storage.ts";

const buckets = new Map<string, Promise<TestBucket>>();

const runs: readonly { server: "ceph" | "moto"; layout: S3Layout; mayDelete: boolean }[] = [
  { server: "ceph", layout: "manifest", mayDelete: true },
  { server: "moto", layout: "manifest", mayDelete: true },
  { server: "ceph", layout: "bare", mayDelete: true },
  // It knows no condition on DELETE: the proof at the start finds that out.
  { server: "moto", layout: "bare", mayDelete: false },
];

for (const { server, layout, mayDelete } of runs) {
  const capabilities = layout === "bare" ? bareCapabilities(mayDelete) : s3Capabilities;
  const isSecond = layout === "bare" && server === "moto";
  describe(`${layout} conforms, on ${server}`, () => {
    for (const [number, { name, needs, run }] of conformanceCases.entries()) {
      test(name, async (ctx) => {
        const missing = needs.filter((capability) => !capabilities[capability]);
        if (missing.length > 0) ctx.skip(`${layout} on ${server} does not declare ${missing.join(", ")}`);
        if (isSecond && process.env.MILLRACE_LIGHT !== undefined) ctx.skip("runs once, on the first Node");
        const endpoint = await demandServer(server, ctx);
        let bucket = buckets.get(server);
        if (bucket === undefined) buckets.set(server, (bucket = createBucket(endpoint)));
        const place = { endpoint, bucket: (await bucket).name };
        const proveConditions = layout === "bare" && !mayDelete;
        const storage = await openTestStorage(place, {
          prefix: `${layout}/${number}`,
          layout,
          proveConditions,
        });
        try {
          expect(storage.capabilities).toEqual(capabilities);
          await run({ storage });
        } finally {
          await storage[Symbol.asyncDispose]();
        }
      });
    }
  });
}
