import { createWorkerPool } from "@millrace/pack";
import { createMemoryStorage, type Storage } from "@millrace/storage";
import { expect, it } from "vitest";
import { RepositoryPool } from "./repository-pool.ts";

it("runs a first push with the repository that another one has made meanwhile", async () => {
  const storage = createMemoryStorage();
  const late: Storage = {
    ...storage,
    async create(name, options) {
      await (await storage.create(name))[Symbol.asyncDispose]();
      return await storage.create(name, options);
    },
  };
  await using workers = createWorkerPool({ threads: 1 });
  await using pool = new RepositoryPool(late, 4, workers);
  const { signal } = new AbortController();
  expect(await pool.useNew("r.git", signal, async ({ store }, isNew) => [store.name, isNew])).toEqual([
    "r.git",
    false,
  ]);
});
