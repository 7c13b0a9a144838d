import { mkdtemp, readdir, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { conformanceCases } from "@millrace/storage/conformance";
import { describe, expect, test } from "vitest";
import { openFsStorage } from "../src/index.ts";

describe.each(["files", "reftable"] as const)("fs conforms with refs in %s", (refFormat) => {
  for (const { name, needs, run } of conformanceCases) {
    test(name, async (ctx) => {
      const root = await mkdtemp(join(tmpdir(), "millrace-fs-"));
      const cacheFolder = join(root, ".cache");
      const storage = openFsStorage({ root, fsync: "off", cacheFolder, refFormat });
      try {
        const missing = needs.filter((capability) => !storage.capabilities[capability]);
        if (missing.length > 0) ctx.skip(`fs does not declare ${missing.join(", ")}`);
        await run({ storage });
        const left = (await readdir(root, { recursive: true })).filter((path) => path.endsWith(".lock"));
        expect(left).toEqual([]);
      } finally {
        await storage[Symbol.asyncDispose]();
        await rm(root, { recursive: true, force: true });
      }
    });
  }
});
