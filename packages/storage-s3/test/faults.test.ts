import {
  createBucket,
  demandServer,
  type FaultProxy,
  openFaultProxy,
  type TestBucket,
} from "@millrace/s3-lab";
import type { RepositoryStore, Storage } from "@millrace/storage";
import { makeTinyPack, type TinyPack } from "@millrace/storage/conformance";
import { afterAll, afterEach, describe, expect, it } from "vitest";
import { openTestStorage } from "./open-test-storage.ts";
import { pushPack, refsOf } from "./push-pack.ts";

const quick = { maxAttempts: 4, retryDelayMs: 1, attemptTimeoutMs: 3000, requestTimeoutMs: 6000 };

let bucket: TestBucket;
let proxy: FaultProxy;
let storage: Storage;
let store: RepositoryStore;
let counter = 0;

/** A repository with one pushed branch, asked through the proxy. */
async function prepare(ctx: { skip(note: string): never }): Promise<TinyPack> {
  if (bucket === undefined) {
    bucket = await createBucket(await demandServer("store", ctx));
    proxy = await openFaultProxy(bucket.endpoint.url);
  }
  proxy.plan = undefined;
  const place = { endpoint: { ...bucket.endpoint, url: proxy.url }, bucket: bucket.name };
  storage = await openTestStorage(place, { ...quick, prefix: `case-${counter++}`, commitTimeoutMs: 3000 });
  store = await storage.create("r");
  const pack = await makeTinyPack("first");
  await pushPack(store, pack, "refs/heads/main");
  return pack;
}

afterEach(async () => {
  proxy.plan = undefined;
  await storage[Symbol.asyncDispose]();
});
afterAll(() => proxy?.[Symbol.asyncDispose]());

const isManifest = ({ method, path }: { method: string; path: string }): boolean =>
  method === "PUT" && path.includes("/repos/");
const isFile = ({ method, path }: { method: string; path: string }): boolean =>
  method === "PUT" && path.includes("/data/");

describe("a push whose requests break", () => {
  for (const kind of ["reset-before", "reset-after"] as const) {
    it(`${kind} of the manifest's write: told as done, and done once`, async (ctx) => {
      await prepare(ctx);
      let broken = 0;
      proxy.plan = (request) => (isManifest(request) && broken++ === 0 ? { kind } : undefined);
      const next = await makeTinyPack("next");
      expect(await pushPack(store, next, "refs/heads/next", null)).toEqual([undefined]);
      expect(broken).toBeGreaterThan(0);
      expect(await refsOf(store)).toContain(`refs/heads/next ${next.commit}`);
    });

    it(`${kind} of the pack's upload: sent again`, async (ctx) => {
      await prepare(ctx);
      let broken = 0;
      proxy.plan = (request) => (isFile(request) && broken++ < 2 ? { kind } : undefined);
      const next = await makeTinyPack("next");
      expect(await pushPack(store, next, "refs/heads/next", null)).toEqual([undefined]);
      expect(broken).toBe(3);
    });
  }

  it("the store has too much to do for a moment: 503 and 500 are tried again", async (ctx) => {
    await prepare(ctx);
    // A quarter of all fails, in no pattern that requests could fall in step with.
    let random = 1;
    proxy.plan = () => {
      random = (random * 1_103_515_245 + 12_345) % 2 ** 31;
      const status = [503, 500][random >> 28];
      return status === undefined ? undefined : { kind: "status", status, code: "SlowDown" };
    };
    const next = await makeTinyPack("next");
    expect(await pushPack(store, next, "refs/heads/next", null)).toEqual([undefined]);
    proxy.plan = undefined;
    expect(await refsOf(store)).toContain(`refs/heads/next ${next.commit}`);
  });

  it("somebody else is being served: 409 to what has no condition is tried again", async (ctx) => {
    await prepare(ctx);
    let refusals = 0;
    proxy.plan = (request) =>
      isFile(request) && refusals++ === 0
        ? { kind: "status", status: 409, code: "OperationAborted" }
        : undefined;
    const next = await makeTinyPack("next");
    expect(await pushPack(store, next, "refs/heads/next", null)).toEqual([undefined]);
    expect(refusals).toBeGreaterThan(1);
  });

  it("no answer to the write, nor to the look behind it: outcome unknown, and the files stay", async (ctx) => {
    await prepare(ctx);
    let written = false;
    proxy.plan = (request) => {
      if (isManifest(request)) {
        written = true;
        return { kind: "reset-after" };
      }
      return written ? { kind: "status", status: 503, code: "SlowDown" } : undefined;
    };
    const next = await makeTinyPack("next");
    await expect(pushPack(store, next, "refs/heads/next", null)).rejects.toMatchObject({
      code: "STORAGE_OUTCOME_UNKNOWN",
      key: expect.stringContaining("repos/r"),
    });
    proxy.plan = undefined;
    // It was done, and what it names is there.
    expect(await refsOf(store)).toContain(`refs/heads/next ${next.commit}`);
    const view = await store.snapshot();
    const handle = await view.openPack(next.id);
    expect(Buffer.compare(await handle.read(0, next.bytes.length), next.bytes)).toBe(0);
  });

  it("the upload is refused for good: STORAGE_FORBIDDEN with the key, and the refs stay", async (ctx) => {
    const { commit } = await prepare(ctx);
    proxy.plan = (request) =>
      isFile(request) ? { kind: "status", status: 403, code: "AccessDenied" } : undefined;
    await expect(
      pushPack(store, await makeTinyPack("next"), "refs/heads/main", commit),
    ).rejects.toMatchObject({
      code: "STORAGE_FORBIDDEN",
      key: expect.stringMatching(/^case-\d+\/data\//),
    });
    proxy.plan = undefined;
    expect(await refsOf(store)).toEqual([`refs/heads/main ${commit}`]);
  });
});

describe("reading", () => {
  it("half a body is asked for again", async (ctx) => {
    await prepare(ctx);
    let broken = 0;
    proxy.plan = ({ method }) => (method === "GET" && broken++ % 2 === 0 ? { kind: "half-body" } : undefined);
    const place = { endpoint: { ...bucket.endpoint, url: proxy.url }, bucket: bucket.name };
    await using again = await openTestStorage(place, { ...quick, prefix: `case-${counter - 1}` });
    const opened = await again.open("r");
    const view = await opened.snapshot();
    const [pack] = await view.packs();
    const handle = await view.openPack(pack?.id ?? "");
    expect(Buffer.from(await handle.read(0, 4)).toString()).toBe("PACK");
    expect(broken).toBeGreaterThan(3);
  });

  it("403 is never absent, and a silent store ends in an error", async (ctx) => {
    await prepare(ctx);
    proxy.plan = () => ({ kind: "status", status: 403, code: "AccessDenied" });
    await expect(storage.open("none")).rejects.toMatchObject({ code: "STORAGE_FORBIDDEN" });
    proxy.plan = () => ({ kind: "silence" });
    await expect(storage.open("r")).rejects.toMatchObject({ code: "STORAGE_IO" });
  });

  it("a manifest that is damaged, or of a newer version, is told with its key", async (ctx) => {
    await prepare(ctx);
    await (await storage.create("s"))[Symbol.asyncDispose]();
    const key = `case-${counter - 1}/repos/r`;
    const whole = Buffer.from(await bucket.get(key)).toString();
    for (const [body, code] of [
      ["{", "STORAGE_CORRUPT"],
      ["{}", "STORAGE_CORRUPT"],
      [whole.replace('"objectFormat":"sha1"', '"objectFormat":"sha256"'), "STORAGE_CORRUPT"],
      [whole.replace('"format":2', '"format":3'), "STORAGE_UNSUPPORTED"],
    ] as const) {
      await bucket.put(key, body);
      await expect(storage.open("r")).rejects.toMatchObject({ code, key });
      // It hides no other repository from who goes through all of them.
      const names: string[] = [];
      for await (const name of storage.list()) names.push(name);
      expect(names).toEqual(["r", "s"]);
    }
    await bucket.put(key, whole);
    await storage.open("r");
  });

  it("a pack that is missing, or shorter than the manifest says, is told with its key", async (ctx) => {
    const pack = await prepare(ctx);
    const place = { endpoint: bucket.endpoint, bucket: bucket.name };
    const [key = ""] = await bucket.keys(`case-${counter - 1}/data/`);
    const whole = await bucket.get(key);
    const read = async (): Promise<Uint8Array> => {
      await using cold = await openTestStorage(place, { ...quick, prefix: `case-${counter - 1}` });
      const view = await (await cold.open("r")).snapshot();
      return await (await view.openPack(pack.id)).read(0, 4);
    };
    await bucket.put(key, whole.subarray(0, -1));
    await expect(read()).rejects.toMatchObject({ code: "STORAGE_CORRUPT", key });
    await bucket.delete(key);
    await expect(read()).rejects.toMatchObject({ code: "STORAGE_NOT_FOUND", key });
    await bucket.put(key, whole);
    expect(Buffer.from(await read()).toString()).toBe("PACK");
  });
});
