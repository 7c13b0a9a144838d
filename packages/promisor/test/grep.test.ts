import { encodeTree, hashObject, type Oid, oidFromBytes } from "@millrace/pack";
import { beforeAll, describe, expect, it } from "vitest";
import {
  createPromisor,
  type FetchedObject,
  type GrepHit,
  type GrepQuery,
  type ObjectSource,
  openTree,
  SharedPromisor,
} from "../src/index.ts";

const FILES = 40;
const LINES = 5000;

/** A source in memory that notes what it is asked for. */
interface Lender extends ObjectSource {
  readonly requests: (readonly Oid[])[];
}

function lend(objects: readonly FetchedObject[]): Lender {
  const byOid = new Map(objects.map((object) => [object.oid, object]));
  const requests: (readonly Oid[])[] = [];
  return {
    requests,
    address: "memory",
    objectFormat: () => Promise.resolve("sha1"),
    fetch(wants) {
      requests.push(wants);
      return Promise.resolve(wants.flatMap((oid) => byOid.get(oid) ?? []));
    },
  };
}

function objectOf(type: FetchedObject["type"], content: Uint8Array): FetchedObject {
  return { oid: oidFromBytes(hashObject("sha1", type, content), 0, "sha1"), type, content };
}

describe("a search", () => {
  const blobs = Array.from({ length: FILES }, (_, i) =>
    objectOf("blob", Buffer.from(`${`line of file ${i}\n`.repeat(LINES)}the end\n`)),
  );
  const entries = blobs.map(({ oid }, i) => ({
    mode: 0o100644,
    name: Buffer.from(`file-${String(i).padStart(2, "0")}`),
    oid,
  }));
  const tree = objectOf("tree", encodeTree(entries, "sha1"));
  const size = blobs.reduce((sum, { content }) => sum + content.length, 0);
  let cached: SharedPromisor;

  beforeAll(async () => {
    const none = await createPromisor(lend([]));
    cached = new SharedPromisor(none.withFetched([tree, ...blobs]));
  });

  async function search(objects: SharedPromisor, query: GrepQuery, signal?: AbortSignal): Promise<GrepHit[]> {
    const hits: GrepHit[] = [];
    for await (const hit of (await openTree({ objects }, tree.oid)).grep(query, { signal })) hits.push(hit);
    return hits;
  }

  /** Looks at each of 200,000 lines. */
  const slow: GrepQuery = { pattern: /[0-9](?!\S)z/ };

  it("lets others have their turn though nothing has to be waited for", async () => {
    let turns = 0;
    let isOver = false;
    const count = (): void => {
      turns++;
      if (!isOver) setImmediate(count);
    };
    setImmediate(count);
    expect(await search(cached, slow)).toEqual([]);
    isOver = true;
    expect(turns).toBeGreaterThan(2);
  });

  it("ends when it is told to, in the middle", async () => {
    const stop = new AbortController();
    setImmediate(() => stop.abort(new Error("enough")));
    await expect(search(cached, slow, stop.signal)).rejects.toThrow("enough");
  });

  it("goes file by file", async () => {
    expect((await search(cached, { pattern: "the end" })).map(({ path, line }) => [path, line])).toEqual(
      entries.map(({ name }) => [name.toString(), LINES + 1]),
    );
  });

  it("fetches no more at once than the cache holds, and each file about once", async () => {
    const source = lend([tree, ...blobs]);
    const objects = new SharedPromisor(await createPromisor(source), {
      maxCacheBytes: size / 5,
      pinned: [tree.oid],
    });
    expect((await search(objects, { pattern: "the end" })).length).toBe(FILES);
    expect(objects.snapshot().cacheBytes).toBeLessThanOrEqual(size / 5);
    expect(source.requests.flat().length).toBeLessThan(4 * FILES);
    expect(source.requests.length).toBeLessThan(FILES / 2);
  });

  it("turns to another way where a word stands in many lines in vain", async () => {
    const query: GrepQuery = { pattern: { line: /line of file 1\b.*|line [^o]/, end: /the e[a-z]d/ } };
    const hits = await search(cached, query);
    expect(hits.filter(({ tag }) => tag === "line").length).toBe(LINES);
    expect(hits.filter(({ tag }) => tag === "end").length).toBe(FILES);
    expect(hits.map(({ path, line }) => [path, line])).toEqual(
      hits
        .map(({ path, line }) => [path, line] as const)
        .toSorted(([a, i], [b, k]) => a.localeCompare(b) || i - k),
    );
  });
});
