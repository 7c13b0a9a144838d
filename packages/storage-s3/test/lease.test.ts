import { setTimeout as sleep } from "node:timers/promises";
import { createBucket, demandServer, openFaultProxy } from "@millrace/s3-lab";
import { makeTinyPack } from "@millrace/storage/conformance";
import { expect, it } from "vitest";
import { openTestStorage } from "./open-test-storage.ts";
import { pushPack, refsOf } from "./push-pack.ts";

const LEASE_MS = 2000;

it("lets one process tidy up at a time, renews its right, and gives it to another when it is gone", async (ctx) => {
  const bucket = await createBucket(await demandServer("store", ctx));
  await using proxy = await openFaultProxy(bucket.endpoint.url);
  const options = { leaseMs: LEASE_MS, maxAttempts: 2, retryDelayMs: 1 };
  const place = { endpoint: bucket.endpoint, bucket: bucket.name };
  await using first = await openTestStorage(
    { ...place, endpoint: { ...place.endpoint, url: proxy.url } },
    options,
  );
  await using second = await openTestStorage(place, options);
  const mine = await first.create("r");
  const pack = await makeTinyPack("first");
  await pushPack(mine, pack, "refs/heads/main");
  const theirs = await second.open("r");

  const begun = await mine.beginMaintenance!();
  for (let i = 0; i < 3; i++) {
    await expect(theirs.beginMaintenance!()).rejects.toMatchObject({ code: "STORAGE_BUSY", key: "r" });
    await sleep(LEASE_MS / 2);
  }
  // Others write meanwhile, and take nothing away from it.
  const next = await makeTinyPack("next");
  await pushPack(theirs, next, "refs/heads/next", null);
  await expect(theirs.beginMaintenance!()).rejects.toMatchObject({ code: "STORAGE_BUSY" });

  // Cut off from the store it cannot renew; the next one takes over, and what the first still wants to remove stays.
  proxy.plan = () => ({ kind: "status", status: 503, code: "SlowDown" });
  let took: AsyncDisposable | undefined;
  while (took === undefined) {
    took = await theirs.beginMaintenance!().catch(async () => {
      await sleep(LEASE_MS / 4);
      return undefined;
    });
  }
  proxy.plan = undefined;
  await expect(mine.commit({ remove: { packs: [pack.id] } })).rejects.toMatchObject({ code: "STORAGE_BUSY" });
  // Who gives back what is no longer theirs takes it from nobody.
  await begun[Symbol.asyncDispose]();
  await expect(mine.beginMaintenance!()).rejects.toMatchObject({ code: "STORAGE_BUSY" });
  const { removed } = await theirs.commit({ remove: { packs: [pack.id], isLossy: true } });
  expect(removed).toEqual([pack.id]);
  await took[Symbol.asyncDispose]();
  await (await mine.beginMaintenance!())[Symbol.asyncDispose]();
  expect(await refsOf(theirs)).toHaveLength(2);
});
