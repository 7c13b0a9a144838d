import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createObjectHasher, hashObject } from "../../src/hash.ts";
import { encodeCommit, parseCommit, readCommitLinks } from "../../src/object/commit.ts";
import { encodeTag, parseTag, readTagTarget } from "../../src/object/tag.ts";
import { encodeTree, parseTree } from "../../src/object/tree.ts";
import { emptyTreeOid, oidFromBytes } from "../../src/object-id.ts";
import {
  type GitObject,
  type GitRepository,
  makeHistory,
  makeRepository,
  readAllObjects,
} from "./scan-support.ts";

describe.each(["sha1", "sha256"] as const)("objects made by git, %s", (format) => {
  let repository: GitRepository;
  let objects: GitObject[];

  beforeAll(() => {
    repository = makeRepository(format);
    makeHistory(repository);
    objects = readAllObjects(repository);
  });
  afterAll(() => repository.remove());

  it("have git's ids", () => {
    expect(objects.length).toBeGreaterThan(200);
    for (const { oid, type, content } of objects) {
      expect(oidFromBytes(hashObject(format, type, content), 0, format)).toBe(oid);
      const hasher = createObjectHasher(format, type, content.length);
      hasher.update(content);
      expect(oidFromBytes(hasher.digest(), 0, format)).toBe(oid);
    }
    expect(repository.git(["hash-object", "-t", "tree", "--stdin"]).toString().trim()).toBe(
      emptyTreeOid(format),
    );
  });

  it("come back byte for byte", () => {
    for (const { type, content } of objects) {
      if (type === "commit") expect(encodeCommit(parseCommit(content, format))).toEqual(content);
      if (type === "tree") expect(encodeTree(parseTree(content, format), format)).toEqual(content);
      if (type === "tag") expect(encodeTag(parseTag(content, format))).toEqual(content);
    }
  });

  it("link commits as git rev-list does", () => {
    const log = repository.git(["rev-list", "--all", "--format=%H %T %ct %P"]).toString();
    const lines = log.split("\n").filter((line) => line !== "" && !line.startsWith("commit "));
    const byOid = new Map(objects.map((object) => [object.oid, object]));
    expect(lines.length).toBeGreaterThan(60);
    for (const line of lines) {
      const [oid, tree, time, ...parents] = line.trim().split(" ");
      const expected = { tree, parents, time: Number(time) };
      expect(readCommitLinks(byOid.get(oid!)!.content, format)).toEqual(expected);
    }
  });

  it("list trees as git ls-tree does", () => {
    const tree = repository.git(["rev-parse", "main^{tree}"]).toString().trim();
    const entries = parseTree(objects.find(({ oid }) => oid === tree)!.content, format);
    const listed = entries.map(
      ({ mode, oid, name }) => `${mode.toString(8).padStart(6, "0")} ${oid}\t${Buffer.from(name).toString()}`,
    );
    const wanted = repository
      .git(["ls-tree", "--format=%(objectmode) %(objectname)%x09%(path)", tree])
      .toString();
    expect(listed).toEqual(wanted.trim().split("\n"));
  });

  it("point tags where git does", () => {
    const tag = objects.find(({ type }) => type === "tag")!;
    const target = repository.git(["rev-parse", "v1^{}"]).toString().trim();
    expect(readTagTarget(tag.content, format)).toEqual({ oid: target, type: "commit" });
  });
});
