import { createBucket, demandServer, type TestBucket } from "@millrace/s3-lab";
import { conformanceCases } from "@millrace/storage/conformance";
import { describe, expect, test } from "vitest";
import { bareCapabilities, type S3Layout, s3Capabilities } from "../src/index.ts";
import { openTestStorage } from "./open-test-storage.ts";

const buckets = new Map<string, Promise<TestBucket>>();

interface Run {
  readonly server: "store" | "moto";
  readonly layout: S3Layout;
  readonly mayDelete: boolean;
  /** The fewer stay in the manifest, the more of the cases read their refs out of tables. */
  readonly inlineRefs?: number;
  /** Run on the first Node only. */
  readonly isHeavy?: true;
}

const runs: readonly Run[] = [
  { server: "store", layout: "manifest", mayDelete: true },
  { server: "store", layout: "manifest", mayDelete: true, inlineRefs: 0, isHeavy: true },
  { server: "store", layout: "manifest", mayDelete: true, inlineRefs: 2 },
  { server: "moto", layout: "manifest", mayDelete: true, inlineRefs: 2, isHeavy: true },
  { server: "store", layout: "bare", mayDelete: true },
  // It knows no condition on DELETE: the proof at the start finds that out.
  { server: "moto", layout: "bare", mayDelete: false, isHeavy: true },
];

for (const { server, layout, mayDelete, inlineRefs, isHeavy } of runs) {
  const capabilities = layout === "bare" ? bareCapabilities(mayDelete) : s3Capabilities;
  const limit = inlineRefs === undefined ? "" : ` with up to ${inlineRefs} refs inline`;
  describe(`${layout} conforms, on ${server}${limit}`, () => {
    for (const [number, { name, needs, run }] of conformanceCases.entries()) {
      test(name, async (ctx) => {
        const missing = needs.filter((capability) => !capabilities[capability]);
        if (missing.length > 0) ctx.skip(`${layout} on ${server} does not declare ${missing.join(", ")}`);
        if (isHeavy && process.env.MILLRACE_LIGHT !== undefined)
          ctx.skip("heavy: runs once, on the first Node");
        if (server === "moto" && layout === "bare" && name === "abort: in the middle of a loop")
          ctx.skip("moto takes half a minute to make the refs, and has nothing to do with it");
        const endpoint = await demandServer(server, ctx);
        let bucket = buckets.get(server);
        if (bucket === undefined) buckets.set(server, (bucket = createBucket(endpoint)));
        const place = { endpoint, bucket: (await bucket).name };
        const proveConditions = layout === "bare" && !mayDelete;
        const storage = await openTestStorage(place, {
          prefix: `${layout}-${inlineRefs}/${number}`,
          inlineRefs,
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
