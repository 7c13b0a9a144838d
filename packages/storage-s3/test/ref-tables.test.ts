import {
  createBucket,
  demandServer,
  type FaultProxy,
  longestChain,
  openFaultProxy,
  type TestBucket,
} from "@millrace/s3-lab";
import type { RefUpdate, RepositoryStore, Storage } from "@millrace/storage";
import { afterAll, afterEach, beforeEach, describe, expect, it } from "vitest";
import type { S3StorageOptions } from "../src/index.ts";
import { openTestStorage } from "./open-test-storage.ts";
import { refsOf } from "./push-pack.ts";

let bucket: TestBucket;
let proxy: FaultProxy;
let counter = 0;
const opened: Storage[] = [];

beforeEach(async (ctx) => {
  if (bucket === undefined) {
    bucket = await createBucket(await demandServer("store", ctx));
    proxy = await openFaultProxy(bucket.endpoint.url);
  }
  proxy.plan = undefined;
  proxy.latencyMs = 0;
  counter++;
});
afterEach(async () => {
  if (proxy !== undefined) proxy.plan = undefined;
  await Promise.all(opened.splice(0).map((storage) => storage[Symbol.asyncDispose]()));
});
afterAll(() => proxy?.[Symbol.asyncDispose]());

/** Another process, as it were: it shares nothing with those opened before but the bucket. */
async function openAnother(options: Partial<S3StorageOptions> = {}): Promise<Storage> {
  const place = { endpoint: { ...bucket.endpoint, url: proxy.url }, bucket: bucket.name };
  const storage = await openTestStorage(place, { prefix: `case-${counter}`, retryDelayMs: 1, ...options });
  opened.push(storage);
  return storage;
}

const oid = (n: number): string => n.toString(16).padStart(40, "a");
const branch = (n: number): string => `refs/heads/${String(n % 10)}/b${n}`;

function branches(from: number, to: number): RefUpdate[] {
  const updates: RefUpdate[] = [];
  for (let n = from; n < to; n++) updates.push({ name: branch(n), old: null, new: oid(n), peeled: null });
  return updates;
}

interface Manifest {
  readonly refs: Record<string, string>;
  readonly tables: { key: string; sizeBytes: number; isPeeled: boolean }[];
  readonly removed: { key: string }[];
}
const manifest = async (): Promise<Manifest> =>
  JSON.parse(Buffer.from(await bucket.get(`case-${counter}/repos/r`)).toString()) as Manifest;

/** The requests of some work, the longest chain of those that wait for each other first. */
async function asked(work: () => Promise<unknown>): Promise<{ chain: number; requests: string[] }> {
  // Long enough to tell what waits for what.
  proxy.latencyMs = 15;
  proxy.clear();
  await work();
  proxy.latencyMs = 0;
  const requests = proxy.requests.map(({ method, status, path }) => {
    return `${method} ${/repos|\.\w+$/.exec(path.split("?")[0] as string)?.[0]} ${status}`;
  });
  return { chain: longestChain(proxy.requests), requests };
}

describe("refs past the limit", () => {
  it("go into few tables, what they replace goes on the list, and each ref is told as it was moved last", async () => {
    const store = await (await openAnother({ inlineRefs: 10 })).create("r");
    const expected = new Map<string, string>();
    for (let round = 0; round < 60; round++) {
      const from = round * 7;
      const gone = round % 3 === 0 ? [branch(from / 2)] : [];
      const refs = [
        ...branches(from, from + 7),
        ...(round === 0 ? [] : gone).map((name) => ({ name, new: null })),
        { name: "refs/heads/moving", new: oid(round), peeled: round % 2 === 0 ? oid(round + 1) : null },
      ];
      const result = await store.commit({ refs });
      expect(result.refs.filter((refusal) => refusal !== undefined)).toEqual([]);
      for (const each of refs) {
        if (each.new === null) expected.delete(each.name);
        else expected.set(each.name, each.new);
      }
    }
    const told = [...expected].map(([name, id]) => `${name} ${id}`).sort();
    expect(await refsOf(store)).toEqual(told);
    expect(await refsOf(await (await openAnother()).open("r"))).toEqual(told);
    const { refs, tables, removed } = await manifest();
    expect(Object.keys(refs).length).toBeLessThanOrEqual(11);
    expect(tables.length).toBeLessThanOrEqual(6);
    expect(tables.every(({ isPeeled }) => isPeeled)).toBe(true);
    for (const [i, { sizeBytes }] of tables.entries()) {
      if (i > 0)
        expect(sizeBytes * 2).toBeLessThanOrEqual((tables[i - 1] as { sizeBytes: number }).sizeBytes);
    }
    const files = (await bucket.keys(`case-${counter}/data/`)).map((key) => key.replace(/^case-\d+\//, ""));
    expect([...tables, ...removed].map(({ key }) => key).sort()).toEqual(files);
  });

  it("are told with what they peel to, as far as somebody has said it", async () => {
    const storage = await openAnother({ inlineRefs: 2 });
    const store = await storage.create("r");
    const peeledOf = async (): Promise<unknown[]> => {
      const view = await store.snapshot();
      const found: unknown[] = [];
      for await (const { name, peeled } of view.refs()) {
        expect((await view.ref(name))?.peeled, name).toBe(peeled);
        found.push(peeled);
      }
      return found;
    };
    await store.commit({
      refs: ["a", "b", "c"].map((name, i) => ({
        name: `refs/tags/${name}`,
        new: oid(i),
        peeled: i === 0 ? oid(9) : null,
      })),
    });
    expect((await manifest()).tables).toMatchObject([{ isPeeled: true }]);
    expect(await peeledOf()).toEqual([oid(9), null, null]);
    await store.commit({ refs: [{ name: "refs/tags/d", new: oid(7) }] });
    expect(await peeledOf()).toEqual([oid(9), null, null, undefined]);
    await store.commit({ refs: [{ name: "refs/tags/e", new: oid(7), peeled: oid(8) }] });
    await store.commit({ refs: [{ name: "refs/tags/f", new: oid(7), peeled: null }] });
    // One table cannot tell what is no tag from what nobody has looked at.
    expect((await manifest()).tables).toMatchObject([{ isPeeled: false }]);
    expect(await peeledOf()).toEqual([oid(9), undefined, undefined, undefined, oid(8), undefined]);
  });

  it("takes names and targets that are longer than a table's block", async () => {
    const store = await (await openAnother({ inlineRefs: 0 })).create("r");
    const long = `refs/heads/${"x/".repeat(4000)}y`;
    await store.commit({
      refs: [
        { name: "refs/heads/main", new: oid(1) },
        { name: long, new: oid(2) },
      ],
    });
    await store.commit({
      refs: [{ name: "refs/heads/a", new: oid(3) }],
      symrefs: [{ name: "refs/z", target: long }],
    });
    expect(await refsOf(store)).toEqual([
      `refs/heads/a ${oid(3)}`,
      `refs/heads/main ${oid(1)}`,
      `${long} ${oid(2)}`,
      `refs/z ${oid(2)}`,
    ]);
    await store.commit({ refs: [{ name: long, old: oid(2), new: null }] });
    expect(await refsOf(store)).toEqual([`refs/heads/a ${oid(3)}`, `refs/heads/main ${oid(1)}`]);
  });
});

describe("several writers", () => {
  it("race while they spill: nothing is lost, nothing comes back, conflicts are told", async () => {
    const stores: RepositoryStore[] = [];
    await (await openAnother({ inlineRefs: 3 })).create("r");
    for (let i = 0; i < 3; i++) stores.push(await (await openAnother({ inlineRefs: 3 })).open("r"));
    await Promise.all(
      stores.map(async (store, writer) => {
        for (let i = 0; i < 15; i++) {
          const name = (n: number): string => `refs/heads/w${writer}/b${n}`;
          const made = await store.commit({ refs: [{ name: name(i), old: null, new: oid(i) }] });
          expect(made.refs).toEqual([undefined]);
          if (i % 3 !== 2) continue;
          const changed = await store.commit({
            atomic: true,
            refs: [
              { name: name(i), old: oid(i), new: oid(i + 100) },
              { name: name(i - 1), old: oid(i - 1), new: null },
              { name: `refs/heads/shared-${writer}-${i}`, old: null, new: oid(i) },
            ],
          });
          expect(changed.refs).toEqual([undefined, undefined, undefined]);
        }
      }),
    );
    const expected: string[] = [];
    for (let writer = 0; writer < 3; writer++) {
      for (let i = 0; i < 15; i++) {
        if (i % 3 === 0) expected.push(`refs/heads/w${writer}/b${i} ${oid(i)}`);
        if (i % 3 !== 2) continue;
        expected.push(`refs/heads/w${writer}/b${i} ${oid(i + 100)}`);
        expected.push(`refs/heads/shared-${writer}-${i} ${oid(i)}`);
      }
    }
    for (const store of stores) expect(await refsOf(store)).toEqual(expected.sort());
  });

  it("keeps a table that is up while others move refs that are not in it", async () => {
    const many = await (await openAnother({ inlineRefs: 100 })).create("r");
    const other = await (await openAnother({ inlineRefs: 100 })).open("r");
    await many.commit({ refs: branches(0, 1) });
    await other.commit({ refs: [{ name: "refs/heads/quick", new: oid(5) }] });
    // What this one has seen is old by now: it writes the table, loses, looks, and wins.
    const { requests } = await asked(() => many.commit({ refs: branches(1, 1000) }));
    expect(requests.filter((each) => each === "PUT .refs 200")).toHaveLength(1);
    expect(requests).toContain("PUT repos 412");
    const lines = await refsOf(many);
    expect(lines).toHaveLength(1001);
    expect(lines).toContain(`refs/heads/quick ${oid(5)}`);
    expect(Object.keys((await manifest()).refs).sort()).toEqual(["HEAD", "refs/heads/quick"]);
  });

  it("sees a move of a ref that its table has, and tells the conflict", async () => {
    const many = await (await openAnother({ inlineRefs: 3 })).create("r");
    const other = await (await openAnother({ inlineRefs: 3 })).open("r");
    await many.commit({ refs: branches(0, 3) });
    await refsOf(other);
    await many.commit({ refs: branches(3, 8) });
    const { refs } = await other.commit({ refs: [{ name: branch(5), old: null, new: oid(77) }] });
    expect(refs[0]?.code).toBe("REF_CONFLICT");
    const moved = await other.commit({ refs: [{ name: branch(5), old: oid(5), new: oid(77) }] });
    expect(moved.refs).toEqual([undefined]);
    const stale = await many.commit({ refs: [{ name: branch(5), old: oid(5), new: null }] });
    expect(stale.refs[0]?.code).toBe("REF_CONFLICT");
    const under = await many.commit({ refs: [{ name: `${branch(5)}/below`, new: oid(1) }] });
    expect(under.refs[0]?.code).toBe("REF_DIRECTORY_CONFLICT");
  });
});

describe.each([250, 100_000])("%i refs", (count) => {
  it("cost the bucket as few requests as few do", async () => {
    const storage = await openAnother();
    const store = await storage.create("r");
    const made = await store.commit({ refs: branches(0, count) });
    expect(made.refs.every((refusal) => refusal === undefined)).toBe(true);
    const size = (await bucket.get(`case-${counter}/repos/r`)).length;
    expect(size).toBeLessThan(count === 250 ? 50_000 : 2000);
    const hasTable = count > 1000;
    const list = async (from: RepositoryStore): Promise<void> => {
      expect((await refsOf(from)).length).toBeGreaterThanOrEqual(count);
    };
    expect(await asked(() => list(store))).toEqual({ chain: 1, requests: ["GET repos 304"] });
    const move = { name: branch(100), old: oid(100), new: oid(1) };
    expect(await asked(() => store.commit({ refs: [move] }))).toEqual({
      chain: 1,
      requests: ["PUT repos 200"],
    });

    const another = await openAnother();
    const cold = await asked(async () => list(await another.open("r")));
    // To open reads the manifest, and a view looks whether it is still the newest.
    expect(cold.chain).toBe(hasTable ? 3 : 2);
    expect(cold.requests.filter((each) => each.includes("repos"))).toEqual([
      "GET repos 200",
      "GET repos 304",
    ]);
    expect(cold.requests.length).toBeLessThanOrEqual(hasTable ? 5 : 2);

    const third = await openAnother();
    const opened = await third.open("r");
    const pushed = await asked(() =>
      opened.commit({ refs: [{ name: "refs/heads/new", old: null, new: oid(3) }] }),
    );
    expect(pushed.chain).toBe(hasTable ? 2 : 1);
    await list(store);
  });
});

describe("a table that is not what it was", () => {
  it("is told with its key", async () => {
    const store = await (await openAnother({ inlineRefs: 0 })).create("r");
    await store.commit({ refs: branches(0, 20) });
    const [table] = (await manifest()).tables;
    const key = `case-${counter}/${table?.key}`;
    const whole = await bucket.get(key);
    const spoiled = Buffer.from(whole);
    spoiled.fill(255, whole.length - 30);
    const other = Buffer.from(whole);
    other.fill(255, 28, 200);
    for (const [body, code] of [
      [whole.subarray(0, -1), "STORAGE_CORRUPT"],
      [spoiled, "STORAGE_CORRUPT"],
      [other, "STORAGE_CORRUPT"],
      [undefined, "STORAGE_NOT_FOUND"],
    ] as const) {
      if (body === undefined) await bucket.delete(key);
      else await bucket.put(key, body);
      const damaged = await (await openAnother({ maxAttempts: 1 })).open("r");
      await expect(refsOf(damaged)).rejects.toMatchObject({ code, key });
      const view = await damaged.snapshot();
      await expect(view.ref(branch(7))).rejects.toMatchObject({ code, key });
      const refs = [{ name: branch(7), old: oid(7), new: oid(8) }];
      await expect(damaged.commit({ refs })).rejects.toMatchObject({ code, key });
    }
    await bucket.put(key, whole);
    expect(await refsOf(await (await openAnother()).open("r"))).toHaveLength(20);
  });
});
