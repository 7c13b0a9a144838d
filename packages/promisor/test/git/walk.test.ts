import { openDirectoryTransport, openRemote, type Remote } from "@millrace/protocol-v2/client";
import { enumerateObjects } from "@millrace/repository";
import { createMemoryStorage } from "@millrace/storage";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { createPromisor, openRemoteSource, openStoreCache, SharedPromisor } from "../../src/index.ts";
import { type CountingSource, countRequests } from "../support/counting-source.ts";
import { createLentRepository, git, type LentRepository } from "../support/repository.ts";

/** Who reads the promised objects: memory alone, or a store behind it. */
const keeping = ["memory", "a store"] as const;

describe.each(["sha1", "sha256"] as const)("what walks over a repository, %s", (format) => {
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

  const open = async (where: (typeof keeping)[number]): Promise<[SharedPromisor, CountingSource]> => {
    const source = countRequests(openRemoteSource(remote));
    const store =
      where === "memory"
        ? undefined
        : openStoreCache(await createMemoryStorage().create("cache", { objectFormat: format }));
    return [new SharedPromisor(await createPromisor(source), { store }), source];
  };
  const ids = ({ table, numbers }: Awaited<ReturnType<typeof enumerateObjects>>): string[] =>
    Array.from(numbers, (number) => table.oidAt(number)).sort();
  const theirs = (...args: readonly string[]): string[] =>
    git(lent.path, ["rev-list", "--objects", "--no-object-names", ...args])
      .split("\n")
      .sort();

  it.each(keeping)("walks over promised objects in %s, and fetches as it goes", async (where) => {
    const [objects, source] = await open(where);
    const found = await enumerateObjects(objects, {
      wants: [lent.oid("main")],
      haves: [lent.oid("main~2")],
    });
    expect(ids(found)).toEqual(theirs("main", "^main~2"));
    // A commit brings its trees, blobs are not read: one request for each commit that was looked at.
    const commits = git(lent.path, ["rev-list", "main"]).split("\n");
    const asked = source.requests.flat();
    expect(new Set(asked).size).toBe(asked.length);
    expect(asked.filter((oid) => !commits.includes(oid))).toEqual([]);
  });

  it.each(keeping)("needs one request for a whole history that is brought into %s first", async (where) => {
    const [objects, source] = await open(where);
    await objects.fetchWithFilter([lent.oid("main")], { filter: "blob:none" });
    const found = await enumerateObjects(objects, { wants: [lent.oid("main")], haves: [] });
    expect(ids(found)).toEqual(theirs("main"));
    expect(source.requests.length).toBe(1);
  });

  it.each(keeping)("is told of %s as of a repository that lacks an object", async (where) => {
    const [objects] = await open(where);
    const absent = "1".repeat(lent.oid("main").length);
    const walk = enumerateObjects(objects, { wants: [absent], haves: [] });
    await expect(walk).rejects.toMatchObject({ code: "REPOSITORY_OBJECT_MISSING", oid: absent });
    expect(await objects.has(Buffer.from(absent, "hex"))).toBe(false);
    const blob = lent.oid("main:README");
    const size = Number(git(lent.path, ["cat-file", "-s", blob]));
    expect(await objects.info(Buffer.from(blob, "hex"))).toEqual({ type: "blob", sizeBytes: size });
  });
});
