import { createBucket, demandServer, openFaultProxy } from "@millrace/s3-lab";
import { expect, it } from "vitest";
import { openTestStorage } from "./open-test-storage.ts";

for (const server of ["store", "moto"] as const) {
  it(`takes ${server}, and leaves nothing of the proof`, async (ctx) => {
    const bucket = await createBucket(await demandServer(server, ctx));
    const place = { endpoint: bucket.endpoint, bucket: bucket.name };
    await using _ = await openTestStorage(place, { proveConditions: true, prefix: "a/b" });
    expect(await bucket.keys()).toEqual([]);
  });
}

it("begins the proof anew where an answer is lost", async (ctx) => {
  const bucket = await createBucket(await demandServer("store", ctx));
  const proxy = await openFaultProxy(bucket.endpoint.url);
  let broken = 0;
  proxy.plan = ({ method }) => (method === "PUT" && broken++ < 3 ? { kind: "reset-after" } : undefined);
  const place = { endpoint: { ...bucket.endpoint, url: proxy.url }, bucket: bucket.name };
  await using _ = await openTestStorage(place, { proveConditions: true });
  expect(broken).toBeGreaterThan(3);
  expect(await bucket.keys()).toEqual([]);
  await proxy[Symbol.asyncDispose]();
});

it("refuses a store that ignores conditions", async (ctx) => {
  const bucket = await createBucket(await demandServer("unconditional", ctx));
  const place = { endpoint: bucket.endpoint, bucket: bucket.name };
  await expect(openTestStorage(place, { proveConditions: true })).rejects.toMatchObject({
    code: "STORAGE_UNSUPPORTED",
    message: expect.stringContaining("If-None-Match is ignored"),
  });
});

it("tells a missing bucket, wrong keys and a store that nobody answers for from each other", async (ctx) => {
  const bucket = await createBucket(await demandServer("store", ctx));
  const { endpoint } = bucket;
  const opened = (place: Parameters<typeof openTestStorage>[0]): Promise<unknown> =>
    openTestStorage(place, { proveConditions: true, maxAttempts: 2, retryDelayMs: 1 });
  await expect(opened({ endpoint, bucket: "no-such-bucket" })).rejects.toMatchObject({
    code: "STORAGE_IO",
    message: expect.stringContaining("no bucket no-such-bucket"),
  });
  const wrong = { ...endpoint, secretAccessKey: "wrong" };
  await expect(opened({ endpoint: wrong, bucket: bucket.name })).rejects.toMatchObject({
    code: "STORAGE_FORBIDDEN",
    message: expect.stringContaining("SignatureDoesNotMatch"),
  });
  const proxy = await openFaultProxy(endpoint.url);
  await proxy[Symbol.asyncDispose]();
  await expect(
    opened({ endpoint: { ...endpoint, url: proxy.url }, bucket: bucket.name }),
  ).rejects.toMatchObject({ code: expect.stringMatching(/STORAGE_(IO|UNSUPPORTED)/) });
});
