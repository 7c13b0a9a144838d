import * as fs from "node:fs/promises";
import { afterAll, describe, expect, it } from "vitest";
import {
  encodePackGraph,
  type ObjectFormat,
  type Oid,
  openPackGraph,
  openPackIndex,
  type PackGraph,
  type PackIndex,
  readPackGraph,
} from "../../src/index.ts";
import { GITLINK } from "../../src/graph/node-kind.ts";
import { bytesAccess, git, gitIndexPack, makeFolder, makeRepository, packObjects } from "./pack-fixtures.ts";

const folders: string[] = [];

async function repository(format: ObjectFormat): Promise<string> {
  const dir = await makeFolder();
  folders.push(dir);
  makeRepository(dir, format, 30);
  const stream = [
    "commit refs/heads/side",
    "committer C <c@example.com> 1800000000 +0000",
    "data 4",
    "side",
    `from ${git(dir, ["rev-parse", "main~3"]).toString().trim()}`,
    `merge ${git(dir, ["rev-parse", "main~20"]).toString().trim()}`,
    `M 160000 ${"ab".repeat(format === "sha1" ? 20 : 32)} module`,
    "M 120000 inline link",
    "data 4",
    "text",
    "",
    "done",
    "",
  ];
  git(dir, ["fast-import", "--quiet", "--done"], stream.join("\n"));
  git(dir, ["tag", "-a", "-m", "a tag of a tag", "again", "v1"]);
  git(dir, ["tag", "-a", "-m", "a tag of a blob", "blob", "main:text"]);
  return dir;
}

afterAll(async () => {
  for (const dir of folders) await fs.rm(dir, { recursive: true, force: true });
});

/** What git says that an object refers to, gitlinks left out. */
function linksByGit(dir: string, oid: Oid): Oid[] {
  const type = git(dir, ["cat-file", "-t", oid]).toString().trim();
  if (type === "blob") return [];
  if (type === "tree") return oidsIn(git(dir, ["ls-tree", oid]).toString(), /^(?!160000).* ([0-9a-f]+)\t/gm);
  const text = git(dir, ["cat-file", type, oid]).toString();
  return oidsIn(text.slice(0, text.indexOf("\n\n") + 1), /^(?:tree|parent|object) ([0-9a-f]+)$/gm);
}

function oidsIn(text: string, pattern: RegExp): Oid[] {
  return [...text.matchAll(pattern)].map((match) => match[1]!);
}

function linksInGraph(graph: PackGraph, index: PackIndex, node: number): Oid[] {
  const nodes: number[] = [];
  const type = graph.type(node);
  if (type === "tree") nodes.push(...graph.treeEntries(node));
  else if (type === "tag") nodes.push(graph.tagTarget(node));
  else if (type === "commit") {
    nodes.push(graph.commitTree(node));
    for (let i = 0; i < graph.parentCount(node); i++) nodes.push(graph.parent(node, i));
  }
  return nodes
    .filter((target) => target !== GITLINK)
    .map((target) =>
      target < graph.count ? index.oidAt(index.packOrder()[target]!) : graph.externalOid(target),
    );
}

async function expectAsGit(dir: string, format: ObjectFormat, packBytes: Uint8Array): Promise<PackGraph> {
  const { idx } = await gitIndexPack(packBytes, format, []);
  const index = openPackIndex(idx, format);
  const built = await readPackGraph({ source: bytesAccess(packBytes), index });
  const graph = openPackGraph(encodePackGraph(built), format, index.packChecksum);
  const oids = Array.from(index.packOrder(), (position) => index.oidAt(position));
  const sizes = git(dir, ["cat-file", "--batch-check=%(objecttype) %(objectsize)"], `${oids.join("\n")}\n`);
  const known = oids.map((_, node) => `${graph.type(node)} ${graph.sizeBytes(node)}`);
  expect(known).toEqual(sizes.toString().trim().split("\n"));
  for (const [node, oid] of oids.entries()) {
    expect(linksInGraph(graph, index, node)).toEqual(linksByGit(dir, oid));
  }
  return graph;
}

describe.each<ObjectFormat>(["sha1", "sha256"])("the graph of a pack by git, %s", (format) => {
  it("links what git links", async () => {
    const dir = await repository(format);
    const pack = packObjects(dir, ["--all", "--delta-base-offset"], "");
    const graph = await expectAsGit(dir, format, pack);
    expect(graph.externalCount).toBe(0);
    let based = 0;
    for (let node = 0; node < graph.count; node++) if (graph.treeBase(node) >= 0) based++;
    expect(based).toBeGreaterThan(0);
  });

  it("knows what lies outside of a part of the history", async () => {
    const dir = await repository(format);
    const graph = await expectAsGit(dir, format, packObjects(dir, [], "main\n^main~7\n"));
    const outside = Array.from({ length: graph.externalCount }, (_, i) => graph.externalOid(graph.count + i));
    const parent = git(dir, ["rev-parse", "main~7"]).toString().trim();
    expect(outside).toContain(parent);
    expect(graph.type(graph.count + outside.indexOf(parent))).toBe("commit");
  });
});
