import { openDirectoryTransport, openRemote, type Remote } from "@millrace/protocol-v2/client";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  createPromisor,
  openRemoteSource,
  type Promisor,
  restore,
  SharedPromisor,
  snapshot,
} from "../../src/index.ts";
import { type CountingSource, countRequests } from "../support/counting-source.ts";
import { createLentRepository, git, gitBytes, type LentRepository } from "../support/repository.ts";

describe.each(["sha1", "sha256"] as const)("promised objects of a real repository, %s", (format) => {
  let lent: LentRepository;
  let remote: Remote;

  beforeAll(async () => {
    lent = await createLentRepository(format);
    remote = openRemote(openDirectoryTransport(lent.path));
  });
  afterAll(async () => {
    await remote[Symbol.asyncDispose]();
    await lent[Symbol.asyncDispose]();
  });

  const counted = (): CountingSource => countRequests(openRemoteSource(remote));
  const contentOf = (name: string): Buffer => {
    const oid = lent.oid(name);
    return gitBytes(lent.path, ["cat-file", git(lent.path, ["cat-file", "-t", oid]), oid]);
  };
  const absent = "1".repeat(format === "sha1" ? 40 : 64);

  it("come when they are asked for, and stay", async () => {
    const source = counted();
    const none = await createPromisor(source);
    const { object, promisor } = await none.resolve(lent.oid("main"));
    expect(Buffer.from(object.content).equals(contentOf("main"))).toBe(true);
    // A commit comes with its trees, and without the commits before it.
    expect(promisor.has(lent.oid("main:src/part-1"))).toBe(true);
    expect(promisor.has(lent.oid("main~1"))).toBe(false);
    expect(none.isEmpty).toBe(true);
    const again = await promisor.resolve(lent.oid("main^{tree}"));
    expect(again.promisor).toBe(promisor);
    expect(source.requests).toEqual([[lent.oid("main")]]);
    const blob = lent.oid("main:src/part-1/file-2.txt");
    expect(() => promisor.objectSize(blob)).toThrowError(
      expect.objectContaining({ code: "PROMISOR_NOT_LOCAL" }),
    );
    const read = await promisor.resolve(blob);
    expect(Buffer.from(read.object.content).equals(contentOf("main:src/part-1/file-2.txt"))).toBe(true);
    expect(read.promisor.objectSize(blob)).toBe(read.object.content.length);
  });

  it("come whole, however large", async () => {
    const { object } = await (await createPromisor(counted())).resolve(lent.oid("main:large.bin"));
    expect(Buffer.from(object.content).equals(contentOf("main:large.bin"))).toBe(true);
  });

  it("leave everything as it was where they do not come", async () => {
    const promisor = await createPromisor(counted());
    await expect(promisor.resolve(absent)).rejects.toMatchObject({ code: "PROTOCOL_REMOTE_FAILED" });
    const source = counted();
    const grown = await createPromisor({
      ...source,
      // A server that sends something else than what was asked for.
      fetch: () => source.fetch([lent.oid("main:README")]),
    });
    const error = await grown.resolve(lent.oid("main:large.bin")).catch((fault: unknown) => fault);
    expect(error).toMatchObject({ code: "PROMISOR_OBJECT_MISSING", oid: lent.oid("main:large.bin") });
    expect((error as { promisor: Promisor }).promisor.has(lent.oid("main:README"))).toBe(true);
  });

  it("race where two resolve from one value", async () => {
    const source = counted();
    const promisor = await createPromisor(source);
    const [a, b] = await Promise.all([
      promisor.resolve(lent.oid("main:README")),
      promisor.resolve(lent.oid("main:README")),
    ]);
    expect(source.requests.length).toBe(2);
    expect(a.promisor.equals(b.promisor)).toBe(true);
    expect(a.promisor).not.toBe(b.promisor);
  });

  it("are saved as a pack that git reads, and restored", async () => {
    const promisor = await (await createPromisor(counted())).fetchWithFilter([lent.oid("main")], {
      depth: 2,
    });
    const chunks: Uint8Array[] = [];
    for await (const chunk of snapshot(promisor)) chunks.push(chunk.slice());
    const bytes = Buffer.concat(chunks);
    const path = `${lent.root}/restored-${Math.random()}.git`;
    git(lent.root, ["init", "-q", "--bare", `--object-format=${format}`, path]);
    git(path, ["index-pack", "--stdin"], bytes);
    const listed = git(path, ["cat-file", "--batch-all-objects", "--batch-check=%(objectname)"]).split("\n");
    expect(listed.length).toBe(promisor.objectCount);
    const once = async function* (): AsyncGenerator<Uint8Array> {
      yield bytes;
    };
    const restored = await restore(await createPromisor(counted()), once());
    expect(restored.equals(promisor)).toBe(true);
    const same: Uint8Array[] = [];
    for await (const chunk of snapshot(restored)) same.push(chunk.slice());
    expect(Buffer.concat(same).equals(bytes)).toBe(true);
    bytes[40]! ^= 1;
    await expect(restore(restored, once())).rejects.toMatchObject({ code: expect.stringMatching(/^PACK_/) });
  });

  it("cross the wire once, however many readers there are", async () => {
    const source = counted();
    const shared = new SharedPromisor(await createPromisor(source));
    await shared.resolve(lent.oid("main"));
    const blobs = git(lent.path, ["ls-tree", "-r", "--format=%(objectname)", "main"]).split("\n");
    const read = await Promise.all(
      Array.from({ length: 200 }, (_, n) => shared.resolve(blobs[n % blobs.length]!)),
    );
    expect(read.every(({ type }) => type === "blob")).toBe(true);
    expect(source.requests.length).toBe(2);
    expect(source.requests[1]?.toSorted()).toEqual([...new Set(blobs)].toSorted());
    expect(shared.snapshot().objectCount).toBeGreaterThan(blobs.length);
  });

  it("are answered at once where they are here, whatever is on its way", async () => {
    const source = counted();
    const shared = new SharedPromisor(await createPromisor(source));
    await shared.resolve(lent.oid("main:README"));
    let open: (value?: unknown) => void = () => undefined;
    source.gate = new Promise((resolve) => {
      open = resolve;
    });
    let isThere = false;
    const coming = shared.resolve(lent.oid("main:large.bin")).then(() => {
      isThere = true;
    });
    await shared.resolve(lent.oid("main:README"));
    expect(isThere).toBe(false);
    open();
    await coming;
  });

  it("are kept from nobody by one that is not there", async () => {
    const shared = new SharedPromisor(await createPromisor(counted()));
    const asked = [lent.oid("main:README"), absent, lent.oid("main:large.bin")];
    const answers = await Promise.allSettled(asked.map((oid) => shared.resolve(oid)));
    expect(answers.map(({ status }) => status)).toEqual(["fulfilled", "rejected", "fulfilled"]);
    expect(answers[1]).toMatchObject({ reason: { code: "PROMISOR_OBJECT_MISSING", oid: absent } });
    await shared.prefetch([absent, lent.oid("main~1")]);
    expect(shared.isHere(lent.oid("main~1"))).toBe(true);
  });

  it("can be left, while others wait on", async () => {
    const source = counted();
    const shared = new SharedPromisor(await createPromisor(source));
    let open: (value?: unknown) => void = () => undefined;
    source.gate = new Promise((resolve) => {
      open = resolve;
    });
    const stop = new AbortController();
    const oid = lent.oid("main:README");
    const leaves = shared.resolve(oid, { signal: stop.signal });
    const stays = shared.resolve(oid);
    const alone = shared.resolve(lent.oid("main:large.bin"), { signal: stop.signal });
    await new Promise((resolve) => setTimeout(resolve, 5));
    stop.abort(new Error("enough"));
    await expect(leaves).rejects.toThrow("enough");
    await expect(alone).rejects.toThrow("enough");
    open();
    expect((await stays).type).toBe("blob");
    // Nobody was left to wait for this fetch, so it was given up, and the next one begins anew.
    const second = new AbortController();
    source.gate = new Promise(() => undefined);
    const given = shared.resolve(lent.oid("main~3"), { signal: second.signal });
    await new Promise((resolve) => setTimeout(resolve, 5));
    second.abort(new Error("enough"));
    await expect(given).rejects.toThrow("enough");
    source.gate = Promise.resolve();
    expect((await shared.resolve(lent.oid("main~3"))).type).toBe("commit");
  });
});

describe("a promisor's cache", () => {
  const source = {
    address: "none",
    objectFormat: () => Promise.resolve("sha1" as const),
    fetch: () => Promise.resolve([]),
  };
  const commit = (text: string) => ({ type: "commit" as const, content: Buffer.from(text) });

  it("drops commits, oldest first, and never a tree or a blob", async () => {
    const promisor = await createPromisor(source, { maxCacheBytes: 10 });
    const blob = promisor.put("blob", Buffer.from("12345"));
    const grown = blob.promisor.importObjects([commit("aaa"), commit("bbb"), commit("ccc")]);
    expect(grown.cacheBytes).toBe(8);
    expect(grown.has(blob.oid)).toBe(true);
    expect([...grown.objects()].map(({ content }) => Buffer.from(content).toString()).toSorted()).toEqual([
      "12345",
      "ccc",
    ]);
    // The one that it grew from is as it was.
    expect(blob.promisor.cacheBytes).toBe(5);
  });

  it("does what it is told when that is not enough", async () => {
    const large = [{ type: "blob" as const, content: Buffer.from("more than ten bytes") }];
    const logged = (await createPromisor(source, { maxCacheBytes: 10 })).importObjects(large);
    expect(logged.objectCount).toBe(1);
    const strict = await createPromisor(source, { maxCacheBytes: 10, onOverfull: "error" });
    try {
      strict.importObjects(large);
      expect.unreachable();
    } catch (error) {
      expect(error).toMatchObject({ code: "PROMISOR_OVERFULL" });
      expect((error as { promisor: Promisor }).promisor.objectCount).toBe(1);
    }
    const told: number[][] = [];
    const onOverfull = (...bytes: number[]): number => told.push(bytes);
    (await createPromisor(source, { maxCacheBytes: 10, onOverfull })).importObjects(large);
    expect(told).toEqual([[19, 10]]);
  });

  it("of many readers drops what was used longest ago, but for what is pinned", async () => {
    const shared = new SharedPromisor(await createPromisor(source), { maxCacheBytes: 9 });
    const [a, b] = ["aaaa", "bbbb"].map((text) => shared.put("blob", Buffer.from(text)));
    await shared.resolve(a!);
    const c = shared.put("blob", Buffer.from("cccc"));
    expect([a, b, c].map((oid) => shared.isHere(oid!))).toEqual([true, false, true]);
    shared.pin(a!);
    const d = shared.put("blob", Buffer.from("ddddd"));
    expect([a, c, d].map((oid) => shared.isHere(oid!))).toEqual([true, false, true]);
    shared.pin(d);
    const e = shared.put("blob", Buffer.from("e"));
    expect([a, d, e].map((oid) => shared.isHere(oid!))).toEqual([true, true, false]);
    // What is pinned from the beginning stays where there is no room for it.
    const written = shared.put("blob", Buffer.from("written"), { pin: true });
    expect([a, d, written].map((oid) => shared.isHere(oid!))).toEqual([true, true, true]);
    shared.unpin(written);
    shared.unpin(a!);
    shared.put("blob", Buffer.from("f"));
    expect(shared.isHere(a!)).toBe(false);
    await expect(shared.resolve(a!)).rejects.toMatchObject({ code: "PROMISOR_OBJECT_MISSING" });
  });

  it("of many readers may drop commits alone, those that came first, whatever is used", async () => {
    const shared = new SharedPromisor(await createPromisor(source), {
      maxCacheBytes: 11,
      eviction: "commits-first-in",
      pinned: [],
    });
    const blob = shared.put("blob", Buffer.from("12345"));
    const [a, b] = ["aaa", "bbb"].map((text) => shared.put("commit", Buffer.from(text)));
    await shared.resolve(a!);
    const c = shared.put("commit", Buffer.from("ccc"));
    expect([blob, a, b, c].map((oid) => shared.isHere(oid!))).toEqual([true, false, true, true]);
    shared.pin(b!);
    const tree = shared.put("tree", Buffer.from("1234567"));
    expect([blob, b, c, tree].map((oid) => shared.isHere(oid!))).toEqual([true, true, false, true]);
  });

  it("of many readers tells that it is overfull as it is told to, and keeps what came", async () => {
    const oid = "9f1a9c6a8ea4a9b3d9d0a66b3c3a3f3d3e3f3a3b";
    const sending = {
      ...source,
      fetch: () => Promise.resolve([{ oid, type: "blob" as const, content: Buffer.alloc(20) }]),
    };
    const strict = { maxCacheBytes: 10, eviction: "commits-first-in", onOverfull: "error" } as const;
    for (const shared of [
      new SharedPromisor(await createPromisor(sending), strict),
      // The promisor's own bound counts as well.
      new SharedPromisor(await createPromisor(sending, { maxCacheBytes: 10, onOverfull: "error" })),
    ]) {
      await expect(shared.resolve(oid)).rejects.toMatchObject({ code: "PROMISOR_OVERFULL" });
      expect((await shared.resolve(oid)).content.length).toBe(20);
    }
    const told: number[][] = [];
    const onOverfull = (...bytes: number[]): number => told.push(bytes);
    const asking = new SharedPromisor(await createPromisor(sending), { ...strict, onOverfull });
    expect((await asking.resolve(oid)).content.length).toBe(20);
    expect(told).toEqual([[20, 10]]);
  });
});
