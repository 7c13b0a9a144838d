import { describe, test } from "vitest";
import { conformanceCases } from "../conformance/index.ts";
import { createMemoryStorage } from "./memory-storage.ts";

describe("memory conforms", () => {
  for (const { name, needs, run } of conformanceCases) {
    test(name, async (ctx) => {
      const storage = createMemoryStorage();
      const missing = needs.filter((capability) => !storage.capabilities[capability]);
      if (missing.length > 0) ctx.skip(`memory does not declare ${missing.join(", ")}`);
      await run({ storage });
      await storage[Symbol.asyncDispose]();
    });
  }
});
