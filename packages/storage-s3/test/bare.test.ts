import { CreateMultipartUploadCommand, ListMultipartUploadsCommand } from "@aws-sdk/client-s3";
import {
  createBucket,
  demandServer,
  type FaultProxy,
  openFaultProxy,
  type TestBucket,
} from "@millrace/s3-lab";
import type { RepositoryStore, Storage } from "@millrace/storage";
import { makeTinyPack } from "@millrace/storage/conformance";
import { afterAll, beforeEach, describe, expect, it } from "vitest";
import type { S3StorageOptions } from "../src/index.ts";
import { openTestStorage } from "./open-test-storage.ts";
import { pushPack, refsOf } from "./push-pack.ts";

const A = "a".repeat(40);
const B = "b".repeat(40);
const CONFIG = "[core]\n\trepositoryformatversion = 0\n\tbare = true\n";

let bucket: TestBucket;
let proxy: FaultProxy;
let counter = 0;
let prefix: string;

beforeEach(async (ctx) => {
  if (bucket === undefined) {
    bucket = await createBucket(await demandServer("store", ctx));
    proxy = await openFaultProxy(bucket.endpoint.url);
  }
  proxy.plan = undefined;
  prefix = `case-${counter++}`;
});
afterAll(() => proxy?.[Symbol.asyncDispose]());

function open(options: Partial<S3StorageOptions> = {}): Promise<Storage> {
  const place = { endpoint: { ...bucket.endpoint, url: proxy.url }, bucket: bucket.name };
  return openTestStorage(place, { prefix, layout: "bare", retryDelayMs: 1, ...options });
}

/** Writes the files of a repository as another tool would. */
async function put(files: Readonly<Record<string, string | Uint8Array>>): Promise<void> {
  for (const [name, content] of Object.entries({
    HEAD: "ref: refs/heads/main\n",
    config: CONFIG,
    ...files,
  })) {
    await bucket.put(`${prefix}/r/${name}`, content);
  }
}

const codesOf = async (committing: ReturnType<RepositoryStore["commit"]>): Promise<(string | undefined)[]> =>
  (await committing).refs.map((refusal) => refusal?.code);

describe("what other tools have written", () => {
  it("a pack counts when its index is there, a broken ref never, and a loose one before its line", async () => {
    const pack = await makeTinyPack("other");
    await put({
      "refs/heads/main": `${pack.commit}\n`,
      "refs/heads/broken": "nonsense\n",
      "refs/heads/empty": "",
      "refs/heads/huge": "x".repeat(10_000),
      "packed-refs": `# pack-refs with: peeled fully-peeled sorted \n${A} refs/heads/main\n${B} refs/tags/t\n`,
      [`objects/pack/pack-${pack.id}.pack`]: pack.bytes,
    });
    await using storage = await open();
    const store = await storage.open("r");
    expect(await refsOf(store)).toEqual([`refs/heads/main ${pack.commit}`, `refs/tags/t ${B}`]);
    expect(await (await store.snapshot()).packs()).toEqual([]);
    await bucket.put(`${prefix}/r/objects/pack/pack-${pack.id}.idx`, pack.idx);
    expect(await (await store.snapshot()).packs()).toEqual([{ id: pack.id, sizeBytes: pack.bytes.length }]);
  });

  it("what it does not know is refused with the key: borrowed objects, ref tables, a damaged config", async () => {
    await put({ "objects/info/alternates": "../../other.git/objects\n" });
    await using storage = await open();
    const view = await (await storage.open("r")).snapshot();
    await expect(view.packs()).rejects.toMatchObject({
      code: "STORAGE_UNSUPPORTED",
      key: `${prefix}/r/objects/info/alternates`,
    });
    for (const [config, code] of [
      [
        "[core]\n\trepositoryformatversion = 1\n[extensions]\n\trefstorage = reftable\n",
        "STORAGE_UNSUPPORTED",
      ],
      [`${A}\n`, "STORAGE_CORRUPT"],
    ] as const) {
      await put({ config });
      await expect(storage.open("r")).rejects.toMatchObject({ code });
    }
    await bucket.delete(`${prefix}/r/config`);
    await expect(storage.open("r")).rejects.toMatchObject({ code: "STORAGE_NOT_FOUND" });
  });
});

describe("writers beside each other", () => {
  it("of a move and a deletion of one ref by two servers one wins, be it a line or a file so far", async () => {
    await using one = await open();
    await using two = await open();
    const names = Array.from({ length: 32 }, (_, i) => `refs/heads/n${String(i).padStart(2, "0")}`);
    const lines = names.map((name) => `${A} ${name}\n`).join("");
    await put({
      "packed-refs": `# pack-refs with: peeled fully-peeled sorted \n${lines}`,
      ...Object.fromEntries(names.slice(16).map((name) => [name, `${A}\n`])),
    });
    const [mover, deleter] = [await one.open("r"), await two.open("r")];
    const expected: string[] = [];
    for (const name of names) {
      const [moved, gone] = await Promise.all([
        codesOf(mover.commit({ refs: [{ name, old: A, new: B }] })),
        codesOf(deleter.commit({ refs: [{ name, old: A, new: null }] })),
      ]);
      expect([moved[0], gone[0]].filter((code) => code === undefined).length, name).toBe(1);
      expect([moved[0], gone[0]]).toContain("REF_CONFLICT");
      if (moved[0] === undefined) expected.push(`${name} ${B}`);
    }
    expect(await refsOf(mover)).toEqual(expected);
    expect(await refsOf(deleter)).toEqual(expected);
  });

  it("who makes a ref again waits until the deletion has let go of it", async () => {
    await using one = await open();
    await using two = await open();
    await put({ "refs/heads/old": `${A}\n`, "refs/heads/other": `${A}\n` });
    const [deleter, maker] = [await one.open("r"), await two.open("r")];
    let release = (): void => undefined;
    const until = new Promise<void>((resolve) => (release = resolve));
    const asked = new Promise<void>((resolve) => {
      proxy.plan = ({ method }) => {
        if (method !== "DELETE") return undefined;
        resolve();
        return { kind: "hold", until };
      };
    });
    const gone = codesOf(deleter.commit({ refs: [{ name: "refs/heads/old", old: A, new: null }] }));
    await asked;
    expect(await refsOf(maker)).toEqual([`refs/heads/other ${A}`]);
    expect(await (await maker.snapshot()).ref("refs/heads/old")).toBeUndefined();
    expect(await codesOf(maker.commit({ refs: [{ name: "refs/heads/old", old: A, new: B }] }))).toEqual([
      "REF_CONFLICT",
    ]);
    const made = codesOf(maker.commit({ refs: [{ name: "refs/heads/old", old: null, new: B }] }));
    const below = codesOf(maker.commit({ refs: [{ name: "refs/heads/other/x", old: null, new: B }] }));
    await new Promise((resolve) => setTimeout(resolve, 300));
    release();
    expect(await gone).toEqual([undefined]);
    expect(await made).toEqual([undefined]);
    expect(await below).toEqual(["REF_DIRECTORY_CONFLICT"]);
    expect(await refsOf(deleter)).toEqual([`refs/heads/old ${B}`, `refs/heads/other ${A}`]);
  });

  it("what somebody left who died at a deletion is no ref, and in nobody's way for long", async () => {
    const tombstone = `${"0".repeat(40)} 01234567-89ab-4def-8123-456789abcdef\n`;
    await using storage = await open({ claimTimeoutMs: 1500 });
    await put({
      "packed-refs": `# pack-refs with: peeled fully-peeled sorted \n${A} refs/heads/lined\n${A} refs/heads/main\n`,
      "refs/heads/lined": tombstone,
      "refs/heads/old": tombstone,
    });
    const store = await storage.open("r");
    expect(await refsOf(store)).toEqual([`refs/heads/main ${A}`]);
    const names = ["refs/heads/lined", "refs/heads/old/below"];
    const refs = names.map((name) => ({ name, old: null, new: B }));
    expect(await codesOf(store.commit({ refs }))).toEqual([undefined, undefined]);
    expect(await refsOf(store)).toEqual([
      `refs/heads/lined ${B}`,
      `refs/heads/main ${A}`,
      `refs/heads/old/below ${B}`,
    ]);
  });

  it("answers that are lost are settled: pushes, moves and deletions are told as done, and done once", async () => {
    await using storage = await open({ attemptTimeoutMs: 2000 });
    const store = await storage.create("r");
    let count = 0;
    proxy.plan = ({ method }) =>
      (method === "PUT" || method === "DELETE") && ++count % 3 === 0
        ? { kind: count % 2 === 0 ? "reset-after" : "reset-before" }
        : undefined;
    const pack = await makeTinyPack("settled");
    expect(await pushPack(store, pack, "refs/heads/main", null)).toEqual([undefined]);
    for (let round = 0; round < 8; round++) {
      const name = `refs/heads/r${round}`;
      expect(await codesOf(store.commit({ refs: [{ name, old: null, new: A }] }))).toEqual([undefined]);
      expect(await codesOf(store.commit({ refs: [{ name, old: A, new: B }] }))).toEqual([undefined]);
      if (round % 2 === 0) {
        expect(await codesOf(store.commit({ refs: [{ name, old: B, new: null }] }))).toEqual([undefined]);
      }
    }
    expect(count).toBeGreaterThan(20);
    proxy.plan = undefined;
    const left = [1, 3, 5, 7].map((round) => `refs/heads/r${round} ${B}`);
    expect(await refsOf(store)).toEqual([`refs/heads/main ${pack.commit}`, ...left]);
  });
});

describe("making and removing", () => {
  it("what somebody left who died at it is taken over and swept, and nobody sees it before", async () => {
    await put({
      HEAD: "claimed by the dead\n",
      "refs/heads/old": `${A}\n`,
      "packed-refs": `${B} refs/heads/older\n`,
    });
    await using storage = await open({ claimTimeoutMs: 100 });
    await expect(storage.open("r")).rejects.toMatchObject({ code: "STORAGE_NOT_FOUND" });
    for await (const name of storage.list()) expect.fail(name);
    const store = await storage.create("r", { head: "refs/heads/new" });
    expect(await refsOf(store)).toEqual([]);
    expect(await (await store.snapshot()).head()).toMatchObject({ symref: "refs/heads/new" });
  });

  it("a sweep gives up uploads of packs that nobody will finish, and touches nothing else", async () => {
    const pack = "a".repeat(40);
    await put({ "refs/heads/main": `${A}\n`, [`objects/pack/pack-${pack}.pack`]: "no index beside it" });
    const begin = async (name: string): Promise<void> => {
      const Key = `${prefix}/r/${name}`;
      await bucket.client.send(new CreateMultipartUploadCommand({ Bucket: bucket.name, Key }));
    };
    await begin(`objects/pack/pack-${pack}.pack`);
    await begin("somebody-elses");
    const keys = await bucket.keys(prefix);
    const uploads = async (): Promise<string[]> => {
      const command = new ListMultipartUploadsCommand({ Bucket: bucket.name, Prefix: prefix });
      return ((await bucket.client.send(command)).Uploads ?? []).map(({ Key = "" }) => Key);
    };
    await using careful = await open();
    expect((await careful.sweep?.())?.uploadCount).toBe(0);
    await using storage = await open({ graceMs: 1 });
    await storage.open("r");
    // The store's clock is known to a second.
    await expect
      .poll(async () => (await storage.sweep?.({ dryRun: true }))?.uploadCount, { timeout: 10_000 })
      .toBe(1);
    expect(await uploads()).toHaveLength(2);
    expect((await storage.sweep?.())?.uploadCount).toBe(1);
    expect(await uploads()).toEqual([`${prefix}/r/somebody-elses`]);
    expect(await bucket.keys(prefix)).toEqual(keys);
  });

  it("removal leaves nothing, of another repository below it all", async () => {
    await put({
      "refs/heads/main": `${A}\n`,
      "objects/aa/bb": "x",
      "logs/HEAD": "x",
      "sub/HEAD": "ref: refs/heads/x\n",
    });
    await using storage = await open();
    await storage.remove("r");
    expect(await bucket.keys(`${prefix}/`)).toEqual([`${prefix}/r/sub/HEAD`]);
  });
});
