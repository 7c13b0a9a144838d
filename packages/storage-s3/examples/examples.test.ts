import { readFile } from "node:fs/promises";
import { createBucket, demandServer } from "@millrace/s3-lab";
import { expect, test } from "vitest";
import { listBranches } from "./serve-a-bucket.ts";

test("the example runs, on a real server", async (ctx) => {
  const endpoint = await demandServer("store", ctx);
  const { name: bucket } = await createBucket(endpoint);
  const { url, region, ...credentials } = endpoint;
  const where = { bucket, endpoint: url, region, credentials };
  expect(await listBranches(where)).toEqual(["team/project.git: HEAD is refs/heads/main"]);
  expect(await listBranches(where)).toEqual(["team/project.git: HEAD is refs/heads/main"]);
});

test("the README shows the example as it is", async () => {
  const [readme, source] = await Promise.all(
    ["../README.md", "./serve-a-bucket.ts"].map((path) => readFile(new URL(path, import.meta.url), "utf8")),
  );
  expect(readme).toContain(source);
});
