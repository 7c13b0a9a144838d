import { randomBytes } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { createBucket, demandServer, longestChain, openFaultProxy } from "@millrace/s3-lab";
import { expect, it } from "vitest";
import { openTestStorage } from "./open-test-storage.ts";

const MIB = 1024 * 1024;

for (const sizeMib of [3, 7, 12, 23]) {
  it(`keeps ${sizeMib} MiB as written, in parts where it is large, whatever breaks on the way`, async (ctx) => {
    const bucket = await createBucket(await demandServer("store", ctx));
    const proxy = await openFaultProxy(bucket.endpoint.url);
    const place = { endpoint: { ...bucket.endpoint, url: proxy.url }, bucket: bucket.name };
    const options = { partBytes: 5 * MIB, rangeBytes: MIB, retryDelayMs: 1 };
    const body = randomBytes(sizeMib * MIB + 17);
    const [header, trailer, idx, graph] = [12, 20, 5000, 300].map((size) => randomBytes(size)) as Buffer[];
    const whole = Buffer.concat([header!, body.subarray(12), trailer!]);
    let count = 0;
    proxy.plan = () =>
      ++count % 5 === 4 ? { kind: count % 2 === 0 ? "reset-after" : "reset-before" } : undefined;
    try {
      await using storage = await openTestStorage(place, options);
      const store = await storage.create("large");
      const stage = await store.stage();
      for (let at = 0; at < body.length; at += 300_000) await stage.write(body.subarray(at, at + 300_000));
      await stage.sidecar("idx", idx!);
      await stage.sidecar("graph", graph!);
      const { id } = await stage.seal({ header: header!, trailer: trailer! });
      expect(await store.commit({ add: [stage] })).toEqual({ refs: [], committed: true });
      await stage[Symbol.asyncDispose]();

      await using cold = await openTestStorage(place, options);
      const view = await (await cold.open("large")).snapshot();
      const handle = await view.openPack(id);
      expect(handle.sizeBytes).toBe(whole.length);
      expect(idx!.equals((await handle.sidecar("idx"))!)).toBe(true);
      expect(graph!.equals((await handle.sidecar("graph"))!)).toBe(true);
      for (let at = 0; at < whole.length; at += 700_001) {
        expect(whole.subarray(at, at + 700_001).equals(await handle.read(at, 700_001))).toBe(true);
      }
      await using copy = await handle.copyToDisk!();
      expect(whole.equals(await copy.read(0, whole.length))).toBe(true);
      expect(copy).toMatchObject({ fd: expect.any(Number), sizeBytes: whole.length });
      const target = new Uint8Array(2 * MIB);
      expect(await handle.readInto?.([target.subarray(0, 9), target.subarray(9)], MIB - 5)).toBe(2 * MIB);
      expect(whole.subarray(MIB - 5, 3 * MIB - 5).equals(target)).toBe(true);
      // One file where it is small, else the pack and what lies beside it.
      expect((await bucket.keys("data/")).length).toBe(sizeMib < 4 ? 1 : 2);
    } finally {
      await proxy[Symbol.asyncDispose]();
    }
  });
}

it("leaves nothing of a large pack that was given up", async (ctx) => {
  const bucket = await createBucket(await demandServer("store", ctx));
  await using storage = await openTestStorage(
    { endpoint: bucket.endpoint, bucket: bucket.name },
    { partBytes: 5 * MIB },
  );
  const store = await storage.create("gone");
  const stage = await store.stage();
  for (let i = 0; i < 18; i++) await stage.write(randomBytes(MIB));
  await stage.discard();
  expect(await bucket.keys()).toEqual(["repos/gone"]);
});

it("waits for three requests, one after the other, behind the last byte of a push in parts", async (ctx) => {
  const bucket = await createBucket(await demandServer("store", ctx));
  await using proxy = await openFaultProxy(bucket.endpoint.url);
  const place = { endpoint: { ...bucket.endpoint, url: proxy.url }, bucket: bucket.name };
  await using storage = await openTestStorage(place, { partBytes: 5 * MIB });
  const store = await storage.create("chain");
  // Long enough to tell what waits for what.
  proxy.latencyMs = 50;
  const stage = await store.stage();
  for (let i = 0; i < 18; i++) await stage.write(randomBytes(MIB));
  // A client's bytes take longer than the request with which the upload begins.
  while (!proxy.requests.some(({ method }) => method === "POST")) await sleep(5);
  proxy.clear();
  await stage.sidecar("idx", randomBytes(5000));
  await stage.seal({ header: randomBytes(12), trailer: randomBytes(20) });
  expect(await store.commit({ add: [stage] })).toEqual({ refs: [], committed: true });
  await stage[Symbol.asyncDispose]();
  // The rest of the parts, the word that they are all, the manifest.
  expect(proxy.requests.filter(({ method }) => method === "POST")).toHaveLength(1);
  expect(longestChain(proxy.requests)).toBe(3);
});
