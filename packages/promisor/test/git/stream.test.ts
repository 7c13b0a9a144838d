import { createHash } from "node:crypto";
import { openDirectoryTransport, openRemote, type Remote } from "@millrace/protocol-v2/client";
import { createMemoryStorage } from "@millrace/storage";
import fc from "fast-check";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  createPromisor,
  openRemoteSource,
  openStoreCache,
  openTree,
  SharedPromisor,
  type TreeView,
} from "../../src/index.ts";
import { createLentRepository, gitBytes, type LentRepository } from "../support/repository.ts";

describe.each(["memory", "a store"] as const)("a large file out of %s", (where) => {
  let lent: LentRepository;
  let remote: Remote;
  let objects: SharedPromisor;
  let view: TreeView;
  let whole: Buffer;
  beforeAll(async () => {
    lent = await createLentRepository();
    remote = openRemote(openDirectoryTransport(lent.path));
    const store =
      where === "memory" ? undefined : openStoreCache(await createMemoryStorage().create("cache"));
    objects = new SharedPromisor(await createPromisor(openRemoteSource(remote)), {
      store,
      // Nothing of it stays in memory where there is a store.
      maxCacheBytes: where === "memory" ? undefined : 1 << 20,
    });
    view = await openTree({ objects, refs: remote }, "main");
    whole = gitBytes(lent.path, ["cat-file", "blob", "main:large.bin"]);
  });
  afterAll(async () => {
    await remote[Symbol.asyncDispose]();
    await lent[Symbol.asyncDispose]();
  });

  it("streams, in pieces that are the receiver's", async () => {
    const hash = createHash("sha1").update(`blob ${whole.length}\0`);
    let pieces = 0;
    for await (const piece of view.streamFile("large.bin")) {
      pieces++;
      hash.update(piece);
      piece.fill(0);
    }
    expect(hash.digest("hex")).toBe(lent.oid("main:large.bin"));
    expect(pieces).toBeGreaterThan(1);
    if (where === "a store") expect(objects.peek(lent.oid("main:large.bin"))).toBeUndefined();
    expect(Buffer.from(await view.readFile("large.bin")).equals(whole)).toBe(true);
  });

  it("is read in any part of it", async () => {
    const at = fc.oneof(fc.integer({ min: 0, max: 1000 }), fc.integer({ min: 0, max: (3 << 20) + 10 }));
    await fc.assert(
      fc.asyncProperty(at, at, async (a, b) => {
        const [from, to] = [Math.min(a, b), Math.max(a, b)];
        const part = await view.readBytes("large.bin", { from, to });
        expect(Buffer.compare(part, whole.subarray(from, to))).toBe(0);
      }),
      { seed: 3, numRuns: 20 },
    );
    const bad = view.streamFile("large.bin", { from: 5, to: 4 }).next();
    await expect(bad).rejects.toMatchObject({ code: "PROMISOR_BAD_ARGUMENT" });
  });

  it("may be left, and ends with its signal", async () => {
    for await (const piece of view.streamFile("large.bin")) {
      expect(piece.length).toBeGreaterThan(0);
      break;
    }
    const stop = new AbortController();
    const reading = (async () => {
      for await (const _ of view.streamFile("large.bin", { signal: stop.signal }))
        stop.abort(new Error("enough"));
    })();
    await expect(reading).rejects.toThrow("enough");
  });

  it("is told of as missing like any other", async () => {
    await expect(objects.stream("1".repeat(40))).rejects.toMatchObject({ code: "PROMISOR_OBJECT_MISSING" });
  });
});
