import { crc32 } from "node:zlib";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { hashObject } from "../hash.ts";
import { oidFromBytes, oidToBytes } from "../object-id.ts";
import { encodeCommit } from "../object/commit.ts";
import { encodeTag } from "../object/tag.ts";
import { encodeTree, MODE_FILE, MODE_GITLINK, MODE_TREE } from "../object/tree.ts";
import { kindOfObjectType } from "../scan/pack-entry.ts";
import type { ObjectFormat, ObjectType, Oid } from "../schema.ts";
import { buildPackGraph, type GraphContent } from "./build-graph.ts";
import { encodePackGraph, openPackGraph } from "./graph-file.ts";
import type { LinkFragment } from "./link-fragment.ts";
import { createLinkWriter } from "./link-writer.ts";
import { GITLINK, MAX_BASE_DEPTH } from "./node-kind.ts";
import type { PackGraph } from "./pack-graph.ts";

const code = (code: string) => expect.objectContaining({ code });

/** What an object refers to: ids, and `undefined` for a gitlink. */
type Links = readonly (Oid | undefined)[];

interface TestObject {
  readonly oid: Oid;
  readonly type: ObjectType;
  readonly content: Uint8Array;
  readonly links: Links;
  readonly time: number;
}

/** Objects of one pack, each referring only to ones before it or to ones that are not there. */
class Objects {
  readonly format: ObjectFormat;
  readonly list: TestObject[] = [];
  readonly #known = new Set<Oid>();

  constructor(format: ObjectFormat) {
    this.format = format;
  }

  add(type: ObjectType, content: Uint8Array, links: Links, time = 0): Oid {
    const oid = oidFromBytes(hashObject(this.format, type, content), 0, this.format);
    if (!this.#known.has(oid)) this.list.push({ oid, type, content, links, time });
    this.#known.add(oid);
    return oid;
  }

  blob(text: string): Oid {
    return this.add("blob", Buffer.from(text), []);
  }

  tree(entries: readonly (readonly [name: string, mode: number, oid: Oid])[]): Oid {
    const content = encodeTree(
      entries.map(([name, mode, oid]) => ({ name: Buffer.from(name), mode, oid })),
      this.format,
    );
    return this.add(
      "tree",
      content,
      entries.map(([, mode, oid]) => (mode === MODE_GITLINK ? undefined : oid)),
    );
  }

  commit(tree: Oid, parents: readonly Oid[], time: number): Oid {
    const person = `A <a@example.com> ${time} +0000`;
    const content = encodeCommit({ tree, parents, author: person, committer: person, headers: [] });
    return this.add("commit", content, [tree, ...parents], time);
  }

  tag(object: Oid, type: ObjectType): Oid {
    return this.add("tag", encodeTag({ object, type, tag: "v", headers: [] }), [object]);
  }

  /** An id that no object has. */
  stranger(seed: number): Oid {
    return oidFromBytes(hashObject(this.format, "blob", Buffer.from(`stranger ${seed}`)), 0, this.format);
  }

  content(fragments: readonly LinkFragment[], list: readonly TestObject[] = this.list): GraphContent {
    return {
      format: this.format,
      packChecksum: new Uint8Array(this.format === "sha1" ? 20 : 32).fill(3),
      types: Uint8Array.from(list, ({ type }) => kindOfObjectType(type)),
      sizes: Float64Array.from(list, ({ content }) => content.length),
      oids: new Uint8Array(Buffer.concat(list.map(({ oid }) => oidToBytes(oid)))),
      fragments,
    };
  }
}

/** A history out of numbers: many versions of a few directories, gitlinks, merges, tags, and strangers. */
function makeObjects(format: ObjectFormat, shape: readonly number[]): Objects {
  const objects = new Objects(format);
  const files = new Map<string, readonly [mode: number, oid: Oid]>();
  const commits: Oid[] = [objects.stranger(0)];
  for (const [i, seed] of shape.entries()) {
    const name = `f${seed % 17}`;
    if (seed % 5 === 0) files.delete(`f${seed % 7}`);
    else if (seed % 11 === 0) files.set("module", [MODE_GITLINK, objects.stranger(seed)]);
    else if (seed % 13 === 0) files.set(name, [MODE_FILE, objects.stranger(seed)]);
    else files.set(name, [MODE_FILE, objects.blob(`${seed}`)]);
    const sub = objects.tree(
      [...files]
        .map(([file, [mode, oid]]) => [file, mode, oid] as const)
        .toSorted((a, b) => (a[0] < b[0] ? -1 : 1)),
    );
    const root = objects.tree([
      ["a", MODE_TREE, sub],
      ["b", MODE_TREE, objects.stranger(-1)],
    ]);
    const parents = [commits[seed % commits.length]!, commits.at(-1)!].slice(seed % 3);
    commits.push(objects.commit(root, parents, seed % 3 === 0 ? 2 ** 33 + seed : 1_700_000_000 + i));
    if (seed % 4 === 0)
      objects.tag(seed % 8 === 0 ? commits.at(-1)! : root, seed % 8 === 0 ? "commit" : "tree");
  }
  return objects;
}

/** Writes links; a tree against another one where `pickBase` says so. */
function writeLinks(
  objects: Objects,
  list: readonly TestObject[],
  pickBase: (tree: number) => number,
): LinkFragment[] {
  const writer = createLinkWriter(objects.format);
  const fragments: LinkFragment[] = [];
  for (const [entry, { type, content }] of list.entries()) {
    const base = type === "tree" ? pickBase(entry) : -1;
    if (base >= 0) writer.writeTree(entry, content, { entry: base, content: list[base]!.content });
    else writer.write(entry, type, content);
    if (writer.sizeBytes > 500) fragments.push(writer.take());
  }
  return [...fragments, writer.take()];
}

/** The tree before this one in the list; -1 for none. */
function previousTree(list: readonly TestObject[], entry: number): number {
  for (let at = entry - 1; at >= 0; at--) if (list[at]!.type === "tree") return at;
  return -1;
}

function oidOf(graph: PackGraph, list: readonly TestObject[], node: number): Oid | undefined {
  if (node === GITLINK) return undefined;
  return node < graph.count ? list[node]!.oid : graph.externalOid(node);
}

function linksOf(graph: PackGraph, list: readonly TestObject[], node: number): Links {
  const nodes: number[] = [];
  switch (graph.type(node)) {
    case "commit":
      nodes.push(graph.commitTree(node));
      for (let i = 0; i < graph.parentCount(node); i++) nodes.push(graph.parent(node, i));
      break;
    case "tree":
      nodes.push(...graph.treeEntries(node));
      break;
    case "tag":
      nodes.push(graph.tagTarget(node));
  }
  return nodes.map((target) => oidOf(graph, list, target));
}

function expectGraph(graph: PackGraph, list: readonly TestObject[]): void {
  expect(graph.count).toBe(list.length);
  for (const [node, object] of list.entries()) {
    expect(graph.type(node)).toBe(object.type);
    expect(graph.sizeBytes(node)).toBe(object.content.length);
    expect(linksOf(graph, list, node)).toEqual(object.links);
    if (object.type === "commit") expect(graph.commitTime(node)).toBe(object.time);
  }
}

const formats = fc.constantFrom<ObjectFormat>("sha1", "sha256");
const shapes = fc.array(fc.nat(10_000), { minLength: 1, maxLength: 60 });

describe("a pack's graph", () => {
  it("tells what every object refers to, whatever order they lie in and whatever stands on what", async () => {
    await fc.assert(
      fc.asyncProperty(formats, shapes, fc.infiniteStream(fc.nat()), async (format, shape, random) => {
        const objects = makeObjects(format, shape);
        const list = objects.list
          .map((object) => ({ object, rank: random.next().value }))
          .toSorted((a, b) => a.rank - b.rank)
          .map(({ object }) => object);
        const fragments = writeLinks(objects, list, (entry) =>
          random.next().value % 4 === 0 ? -1 : previousTree(list, entry),
        );
        const graph = await buildPackGraph(objects.content(fragments, list));
        expectGraph(graph, list);
        const file = encodePackGraph(graph);
        const opened = openPackGraph(file, format, graph.packChecksum);
        expectGraph(opened, list);
        expect(encodePackGraph(opened)).toEqual(file);
      }),
    );
  });

  it("is the same in whatever order the links came", async () => {
    const objects = makeObjects(
      "sha1",
      Array.from({ length: 80 }, (_, i) => i * 7),
    );
    const fragments = writeLinks(objects, objects.list, (entry) => previousTree(objects.list, entry));
    const one = await buildPackGraph(objects.content(fragments));
    const other = await buildPackGraph(objects.content(fragments.toReversed()));
    expect(fragments.length).toBeGreaterThan(3);
    expect(encodePackGraph(other)).toEqual(encodePackGraph(one));
  });

  it("says little of a tree that differs little from its base", async () => {
    const objects = new Objects("sha1");
    const entries = Array.from(
      { length: 400 },
      (_, i) => [`file${1000 + i}`, MODE_FILE, objects.stranger(i)] as const,
    );
    objects.tree(entries);
    objects.tree(entries.with(200, ["file1200", MODE_FILE, objects.stranger(-1)]));
    const graph = await buildPackGraph(
      objects.content(writeLinks(objects, objects.list, (entry) => entry - 1)),
    );
    expect(graph.treeBase(1)).toBe(0);
    expect(graph.ends[1]! - graph.starts[1]!).toBe(6);
    expectGraph(graph, objects.list);
  });

  it("lets no tree stand on more than a few bases", async () => {
    const objects = new Objects("sha1");
    const entries = Array.from(
      { length: 50 },
      (_, i) => [`file${100 + i}`, MODE_FILE, objects.stranger(i)] as const,
    );
    for (let version = 0; version < 3 * MAX_BASE_DEPTH; version++) {
      entries[version % 50] = [`file${100 + (version % 50)}`, MODE_FILE, objects.stranger(1000 + version)];
      objects.tree(entries);
    }
    const fragments = writeLinks(objects, objects.list, (entry) => entry - 1);
    const graph = await buildPackGraph(objects.content(fragments));
    expectGraph(graph, objects.list);
    let plain = 0;
    for (let node = 0; node < graph.count; node++) if (graph.treeBase(node) < 0) plain++;
    expect(plain).toBe(3);
  });

  it("keeps sizes past 2^31, and that one is not known", async () => {
    const objects = new Objects("sha1");
    for (const text of ["a", "b", "c", "d"]) objects.blob(text);
    const sizes = Float64Array.of(2 ** 31 - 1, 2 ** 40, -1, 2 ** 31);
    const built = await buildPackGraph({ ...objects.content([]), sizes });
    const graph = openPackGraph(encodePackGraph(built), "sha1", built.packChecksum);
    expect([0, 1, 2, 3].map((node) => graph.sizeBytes(node))).toEqual([
      2 ** 31 - 1,
      2 ** 40,
      undefined,
      2 ** 31,
    ]);
  });

  it("is not made of objects that take others for what they are not", async () => {
    const objects = new Objects("sha1");
    const blob = objects.blob("a");
    objects.tree([["a", MODE_TREE, blob]]);
    const build = (): Promise<PackGraph> =>
      buildPackGraph(objects.content(writeLinks(objects, objects.list, () => -1)));
    await expect(build()).rejects.toEqual(code("PACK_BAD_GRAPH"));
    objects.list.length = 0;
    objects.tree([["a", MODE_TREE, objects.stranger(1)]]);
    objects.tree([["a", MODE_FILE, objects.stranger(1)]]);
    await expect(build()).rejects.toEqual(code("PACK_BAD_GRAPH"));
  });

  it("needs the links of every object, once", async () => {
    const objects = makeObjects("sha1", [1, 2, 3, 4]);
    const fragments = writeLinks(objects, objects.list, () => -1);
    await expect(buildPackGraph(objects.content([]))).rejects.toEqual(code("PACK_BAD_GRAPH"));
    await expect(buildPackGraph(objects.content([...fragments, ...fragments]))).rejects.toEqual(
      code("PACK_BAD_GRAPH"),
    );
  });

  it("refuses bases that go round", async () => {
    const objects = new Objects("sha1");
    const entries = Array.from({ length: 9 }, (_, i) => [`f${i}`, MODE_FILE, objects.stranger(i)] as const);
    objects.tree(entries);
    objects.tree(entries.with(0, ["f0", MODE_FILE, objects.stranger(10)]));
    const fragments = writeLinks(objects, objects.list, (entry) => 1 - entry);
    await expect(buildPackGraph(objects.content(fragments))).rejects.toEqual(code("PACK_BAD_GRAPH"));
  });

  it("ends in a typed error, or in a graph that can be walked, for fragments with any words", async () => {
    const objects = makeObjects(
      "sha1",
      Array.from({ length: 12 }, (_, i) => i),
    );
    const [fragment] = writeLinks(objects, objects.list, (entry) => previousTree(objects.list, entry));
    await fc.assert(
      fc.asyncProperty(
        fc.nat(fragment!.words.length - 1),
        fc.oneof(fc.nat(40), fc.integer({ min: 0, max: 2 ** 32 - 1 })),
        async (at, word) => {
          const words = fragment!.words.slice();
          words[at] = word;
          const list = objects.list.slice(0, 20);
          try {
            walkAll(await buildPackGraph(objects.content([{ ...fragment!, words }], list)));
          } catch (error) {
            expect(error).toEqual(code("PACK_BAD_GRAPH"));
          }
        },
      ),
      { numRuns: 500 },
    );
  });
});

/** Meets every link of a graph. */
function walkAll(graph: PackGraph): void {
  for (let node = 0; node < graph.count; node++) {
    for (const target of graph.type(node) === "tree" ? graph.treeEntries(node) : []) {
      if (target !== GITLINK) graph.type(target);
    }
  }
}

describe("a graph's file", async () => {
  const objects = makeObjects(
    "sha1",
    Array.from({ length: 30 }, (_, i) => i * 3),
  );
  const graph = await buildPackGraph(
    objects.content(writeLinks(objects, objects.list, (entry) => previousTree(objects.list, entry))),
  );
  const file = encodePackGraph(graph);

  it("opens wherever its bytes lie", () => {
    for (let shift = 0; shift < 9; shift++) {
      const bytes = new Uint8Array(file.length + shift);
      bytes.set(file, shift);
      expectGraph(openPackGraph(bytes.subarray(shift), "sha1", graph.packChecksum), objects.list);
    }
  });

  it("does not open for another pack or hash function", () => {
    expect(() => openPackGraph(file, "sha1", new Uint8Array(20))).toThrow(code("PACK_BAD_GRAPH"));
    expect(() => openPackGraph(file, "sha256", new Uint8Array(32).fill(3))).toThrow(code("PACK_BAD_GRAPH"));
  });

  it("does not open cut off, longer, or with any bit changed", () => {
    for (let length = 0; length < file.length; length++) {
      expect(() => openPackGraph(file.subarray(0, length), "sha1", graph.packChecksum)).toThrow(
        code("PACK_BAD_GRAPH"),
      );
    }
    const longer = new Uint8Array(file.length + 8);
    longer.set(file);
    expect(() => openPackGraph(longer, "sha1", graph.packChecksum)).toThrow(code("PACK_BAD_GRAPH"));
    for (let at = 0; at < file.length; at++) {
      const damaged = file.slice();
      damaged[at]! ^= 1 << (at % 8);
      expect(() => openPackGraph(damaged, "sha1", graph.packChecksum)).toThrow(code("PACK_BAD_GRAPH"));
    }
  });

  it("cannot lead a walk astray, whoever wrote it", () => {
    fc.assert(
      fc.property(
        fc.array(fc.tuple(fc.nat(file.length / 4 - 2), fc.oneof(fc.nat(60), fc.integer())), {
          minLength: 1,
          maxLength: 3,
        }),
        (changes) => {
          const forged = file.slice();
          for (const [word, value] of changes) new DataView(forged.buffer).setInt32(word * 4, value, true);
          const end = forged.length - 4;
          new DataView(forged.buffer).setUint32(end, crc32(forged.subarray(0, end)), true);
          try {
            walkAll(openPackGraph(forged, "sha1", graph.packChecksum));
          } catch (error) {
            expect(error).toEqual(code("PACK_BAD_GRAPH"));
          }
        },
      ),
      { numRuns: 2000 },
    );
  });
});
