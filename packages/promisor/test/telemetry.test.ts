import { encodeTree } from "@millrace/pack";
import { subscribe } from "@millrace/telemetry";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import {
  createPromisor,
  type FetchedObject,
  type ObjectSource,
  openTree,
  type Promisor,
  SharedPromisor,
} from "../src/index.ts";
import { idOf } from "./support/hostile.ts";

function objectOf(type: FetchedObject["type"], content: Uint8Array): FetchedObject {
  return { oid: idOf(type, content), type, content };
}

const blobs = ["alpha\nbeta\n", "gamma\n"].map((text) => objectOf("blob", Buffer.from(text)));
const entries = blobs.map(({ oid }, i) => ({ mode: 0o100644, name: Buffer.from(`f${i}`), oid }));
const tree = objectOf("tree", encodeTree(entries, "sha1"));
const person = "A <a@example.com> 0 +0000";
const commit = objectOf(
  "commit",
  Buffer.from(`tree ${tree.oid}\nauthor ${person}\ncommitter ${person}\n\nc\n`),
);
const all = [...blobs, tree, commit];

/** A server that sends a commit with its tree, and blobs by themselves. */
const source: ObjectSource = {
  address: "memory",
  objectFormat: () => Promise.resolve("sha1"),
  fetch: (wants) =>
    Promise.resolve(
      all.filter(({ oid }) => wants.includes(oid) || (wants.includes(commit.oid) && oid === tree.oid)),
    ),
};

describe("those who listen hear", () => {
  const heard: [string, object][] = [];
  const tell = ({
    name,
    measurements,
    metadata,
  }: {
    name: string;
    measurements: object;
    metadata: object;
  }): void => void heard.push([name, { ...measurements, ...metadata }]);
  let unsubscribe = (): void => undefined;
  let none: Promisor;
  let objects: SharedPromisor;

  beforeEach(async () => {
    none = await createPromisor(source);
    objects = new SharedPromisor(none);
    unsubscribe = subscribe({
      stop: tell,
      error: ({ name }) => heard.push([name, { failed: true }]),
      event: tell,
    });
  });
  afterEach(() => {
    unsubscribe();
    heard.length = 0;
  });

  const about = (name: string): object[] => heard.filter(([each]) => each === name).map(([, told]) => told);
  const filter = "blob:none";

  it("how objects are asked for and what is fetched", async () => {
    const blob = blobs[0]!;
    const { promisor } = await none.resolve(blob.oid);
    await promisor.resolve(blob.oid);
    await objects.resolve(blob.oid);
    await objects.resolve(blob.oid);
    await objects.resolve("f".repeat(40)).catch(() => undefined);
    const told = { oid: blob.oid, object_bytes: 11 };
    expect(about("promisor.resolve")).toEqual([
      { ...told, outcome: "fetched" },
      { ...told, outcome: "here" },
      { ...told, outcome: "fetched" },
      { ...told, outcome: "here" },
      { failed: true },
    ]);
    const fetched = { address: "memory", filter, want_count: 1, object_count: 1, cache_bytes: 11 };
    expect(about("promisor.fetch")).toEqual([fetched, fetched, { ...fetched, object_count: 0 }]);
  });

  it("what is done with a tree", async () => {
    const view = await openTree({ objects }, commit.oid);
    await view.list();
    await view.readFile("f1");
    for await (const _ of view.walk());
    await view.prefetch({ paths: "f*" });
    await view.prefetchHistory();
    for await (const _ of view.grep({ pattern: { a: "alpha", b: /x/ }, paths: "f0" })) break;
    await view.readFile("absent").catch(() => undefined);
    expect(about("promisor.open_tree")).toEqual([{ name: commit.oid }]);
    expect(about("promisor.list")).toEqual([{ path: "", entry_count: 2 }]);
    expect(about("promisor.read_file")).toEqual([{ path: "f1", file_bytes: 6 }, { failed: true }]);
    expect(about("promisor.walk")).toEqual([{ path: "", file_count: 2 }]);
    expect(about("promisor.prefetch")).toEqual([
      { kind: "files", want_count: 2 },
      { kind: "history", want_count: 1 },
    ]);
    expect(about("promisor.grep")).toEqual([
      {
        pattern: "alpha, /x/",
        paths: "f0",
        pattern_count: 2,
        file_count: 1,
        scanned_bytes: 11,
        hit_count: 1,
      },
    ]);
    // The last one is `fetchWithFilter`, which tells of itself as well.
    expect(about("promisor.fetch").length).toBe(4);
  });

  it("what is put, and what is too much", async () => {
    const small = await createPromisor(source, { maxCacheBytes: 5, onOverfull: () => undefined });
    small.put("blob", Buffer.from("eleven byte"));
    const shared = new SharedPromisor(none, { maxCacheBytes: 5, pinned: [blobs[0]!.oid] });
    shared.put("blob", blobs[0]!.content);
    const bytes = { cache_bytes: 11, max_bytes: 5 };
    expect(about("promisor.overfull")).toEqual([
      { ...bytes, policy: "callback" },
      { ...bytes, policy: "log" },
    ]);
    const told = { oid: blobs[0]!.oid, type: "blob", object_bytes: 11 };
    expect(about("promisor.put")).toEqual([{ ...told, oid: expect.any(String) }, told]);
  });
});
