import { randomUUID } from "node:crypto";
import { setTimeout as sleep } from "node:timers/promises";
import { CreateMultipartUploadCommand, ListMultipartUploadsCommand } from "@aws-sdk/client-s3";
import {
  createBucket,
  demandServer,
  type LabServer,
  openFaultProxy,
  type TestBucket,
} from "@millrace/s3-lab";
import type { RepositoryStore, Snapshot, Storage } from "@millrace/storage";
import { makeTinyPack, type TinyPack } from "@millrace/storage/conformance";
import { expect, it, vi } from "vitest";
import { openTestStorage } from "./open-test-storage.ts";
import { pushPack, stagePack } from "./push-pack.ts";

/** Until what is there now is old for who has next to no grace time: the store dates in seconds. */
const age = (): Promise<void> => sleep(2200);

interface Prepared {
  readonly bucket: TestBucket;
  /** With the default grace time, or with another. */
  readonly open: (graceMs?: number) => Promise<Storage>;
}

async function prepare(server: LabServer, ctx: { skip(note: string): never }): Promise<Prepared> {
  const bucket = await createBucket(await demandServer(server, ctx));
  const place = { endpoint: bucket.endpoint, bucket: bucket.name };
  return { bucket, open: (graceMs) => openTestStorage(place, { prefix: "p", graceMs }) };
}

/** Keys that manifests name, in order, and those that lie beside the manifests. */
async function compare(bucket: TestBucket): Promise<{ readonly named: string[]; readonly stored: string[] }> {
  const named = new Set<string>();
  for (const key of await bucket.keys("p/repos/")) {
    const text = Buffer.from(await bucket.get(key)).toString();
    for (const [file] of text.matchAll(/data\/[\w./-]+/g)) named.add(`p/${file}`);
  }
  const stored = (await bucket.keys()).filter((key) => !key.startsWith("p/repos/"));
  return { named: [...named].sort(), stored: stored.sort() };
}

/** Puts one pack in the place of all. */
async function replaceAll(store: RepositoryStore, pack: TinyPack, isLossy: boolean): Promise<void> {
  const maintenance = await store.beginMaintenance!();
  const packs = (await maintenance.packs()).map(({ id }) => id);
  const stage = await stagePack(store, pack);
  expect((await store.commit({ add: [stage], remove: { packs, isLossy } })).removed).toEqual(packs);
  await stage[Symbol.asyncDispose]();
  await maintenance[Symbol.asyncDispose]();
}

async function readFirst(view: Snapshot, { id }: TinyPack): Promise<string> {
  return Buffer.from(await (await view.openPack(id)).read(0, 4)).toString();
}

for (const server of ["store", "moto"] as const) {
  it(`deletes what nothing needs when its grace time is over, and nothing else, on ${server}`, async (ctx) => {
    const { bucket, open } = await prepare(server, ctx);
    await using storage = await open();
    const store = await storage.create("r");
    const [first, second] = [await makeTinyPack("first"), await makeTinyPack("second")];
    await pushPack(store, first, "refs/heads/main");
    const view = await store.snapshot();
    await replaceAll(store, second, false);

    // A push that was killed before its commit, a proof, an upload, the files of a repository that is gone.
    const killed = await stagePack(store, await makeTinyPack("killed"));
    const failing = store.commit({ add: [killed], check: () => Promise.reject(new Error("not now")) });
    await expect(failing).rejects.toThrow("not now");
    const gone = await storage.create("gone");
    await pushPack(gone, await makeTinyPack("gone"), "refs/heads/main");
    await storage.remove("gone");
    await bucket.put(`p/probe/${randomUUID()}`, "probe");
    const upload = { Bucket: bucket.name, Key: `p/data/${randomUUID()}/${randomUUID()}.pack` };
    // Moto dates all uploads back to 2010.
    if (server === "store") await bucket.client.send(new CreateMultipartUploadCommand(upload));
    const uploads = async (): Promise<number> =>
      (await bucket.client.send(new ListMultipartUploadsCommand({ Bucket: bucket.name }))).Uploads?.length ??
      0;

    // What others have put there, such as repositories as git lays them out, is none of ours.
    const others = ["p/data/team/a.git/objects/pack/pack-1.pack", "p/data/notes.txt", "p/probe/x"];
    for (const key of others) await bucket.put(key, "another's");

    await age();
    const before = await bucket.keys();
    const nothing = { removedCount: 0, removedBytes: 0, orphanCount: 0, orphanBytes: 0, uploadCount: 0 };
    expect(await storage.sweep!()).toEqual(nothing);
    const uploadCount = server === "store" ? 1 : 0;
    expect(await uploads()).toBe(uploadCount);
    await using cold = await open();
    expect(await readFirst(await (await cold.open("r")).snapshot(), second)).toBe("PACK");
    expect(await readFirst(view, first)).toBe("PACK");

    await using late = await open(1);
    const would = { removedCount: 1, orphanCount: 3, uploadCount };
    expect(await late.sweep!({ dryRun: true })).toMatchObject(would);
    expect(await bucket.keys()).toEqual(before);
    // Twice at once, by different processes for all they know.
    await using other = await open(1);
    expect(await Promise.all([late.sweep!(), other.sweep!()])).toContainEqual(expect.objectContaining(would));
    expect(await uploads()).toBe(0);
    expect(await bucket.keys()).toEqual(expect.arrayContaining(others));
    for (const key of others) await bucket.delete(key);
    const { named, stored } = await compare(bucket);
    expect(stored).toEqual(named);
    expect(stored).toHaveLength(1);
    await using colder = await open();
    expect(await readFirst(await (await colder.open("r")).snapshot(), second)).toBe("PACK");
    expect(await late.sweep!()).toEqual(nothing);
    await killed[Symbol.asyncDispose]();
  });
}

it("takes no pack that was staged longer than half of the grace time ago", async (ctx) => {
  const { open } = await prepare("store", ctx);
  await using storage = await open(1000);
  const store = await storage.create("r");
  const pack = await makeTinyPack("slow");
  const stage = await stagePack(store, pack);
  await age();
  const commit = store.commit({ add: [stage], refs: [{ name: "refs/heads/main", new: pack.commit }] });
  await expect(commit).rejects.toMatchObject({ code: "STORAGE_STAGE_EXPIRED" });
  await stage[Symbol.asyncDispose]();
  expect(await (await store.snapshot()).packs()).toEqual([]);
});

it("tells of one repository's own files only, where asked for it", async (ctx) => {
  const { bucket, open } = await prepare("store", ctx);
  await using storage = await open();
  for (const name of ["a", "b"]) {
    const store = await storage.create(name);
    await pushPack(store, await makeTinyPack(`${name} first`), "refs/heads/main");
    await replaceAll(store, await makeTinyPack(`${name} second`), true);
  }
  await bucket.put(`p/data/${randomUUID()}/${randomUUID()}.pack`, "orphan");
  await age();
  await using late = await open(1);
  expect(await late.sweep!({ repository: "a" })).toMatchObject({ removedCount: 1, orphanCount: 0 });
  expect(await late.sweep!()).toMatchObject({ removedCount: 1, orphanCount: 1 });
});

it("keeps what any manifest names, also in another life's folder, or in words of a later version", async (ctx) => {
  const { bucket, open } = await prepare("store", ctx);
  await using storage = await open();
  // What is pushed to a draft goes into the repository that another one has made meanwhile.
  const draft = await storage.create("r", { onFirstCommit: true });
  const pack = await makeTinyPack("late");
  const stage = await stagePack(draft, pack);
  const store = await storage.create("r");
  await draft.commit({ add: [stage], refs: [{ name: "refs/heads/main", new: pack.commit }] });
  await stage[Symbol.asyncDispose]();
  const future = `data/${randomUUID()}/${randomUUID()}.future`;
  await bucket.put(`p/${future}`, "bytes");
  await bucket.put("p/repos/newer", JSON.stringify({ format: 99, things: { deep: [future] } }));
  await age();
  await using late = await open(1);
  expect(await late.sweep!()).toMatchObject({ removedCount: 0, orphanCount: 0 });
  expect(await bucket.keys("p/data/")).toHaveLength(2);
  await using cold = await open();
  expect(await readFirst(await (await cold.open("r")).snapshot(), pack)).toBe("PACK");
  expect(store.name).toBe("r");

  // Whoever cannot tell what is needed deletes nothing.
  const orphan = `p/data/${randomUUID()}/${randomUUID()}.pack`;
  await bucket.put(orphan, "orphan");
  await bucket.put("p/repos/damaged", "{");
  await age();
  await expect(late.sweep!()).rejects.toMatchObject({ code: "STORAGE_CORRUPT", key: "p/repos/damaged" });
  expect(await bucket.keys("p/data/")).toContain(orphan);
});

it("goes by the store's clock, whatever a server's own says", async (ctx) => {
  const { bucket, open } = await prepare("store", ctx);
  const HOUR_MS = 60 * 60 * 1000;
  const real = Date.now;
  for (const aheadMs of [HOUR_MS, -HOUR_MS]) {
    const clock = vi.spyOn(Date, "now").mockImplementation(() => real() + aheadMs);
    try {
      // The store refuses the first request, and tells its time with that.
      await using storage = await open(HOUR_MS / 2);
      const name = `r${aheadMs}`;
      const store = await storage.create(name);
      await pushPack(store, await makeTinyPack(`${name} first`), "refs/heads/main");
      await replaceAll(store, await makeTinyPack(`${name} second`), false);
      const before = await bucket.keys();
      expect(await storage.sweep!()).toMatchObject({ removedCount: 0, orphanCount: 0 });
      expect(await bucket.keys()).toEqual(before);
      const dryRun = await store.beginMaintenance!({ dryRun: true });
      expect(Math.abs(dryRun.startedMs - real())).toBeLessThan(HOUR_MS / 2);
      const [pack] = await dryRun.packs();
      expect(Math.abs(pack!.modifiedMs - real())).toBeLessThan(HOUR_MS / 2);
    } finally {
      clock.mockRestore();
    }
  }
});

it("tells a store whose clock cannot be followed in words of its own", async (ctx) => {
  const { bucket } = await prepare("store", ctx);
  await using proxy = await openFaultProxy(bucket.endpoint.url);
  // Signed for that time, requests are refused by the store's real clock.
  proxy.aheadMs = 60 * 60 * 1000;
  const place = { endpoint: { ...bucket.endpoint, url: proxy.url }, bucket: bucket.name };
  await using storage = await openTestStorage(place, { maxAttempts: 3, retryDelayMs: 1 });
  await storage.open("r").catch(() => undefined);
  await expect(storage.open("r")).rejects.toMatchObject({
    code: "STORAGE_FORBIDDEN",
    message: expect.stringContaining("clock and the store's differ"),
  });
});
