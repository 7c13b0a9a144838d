import type { RemoteRef } from "@millrace/protocol-v2/client";
import { createMemoryStorage, type Storage } from "@millrace/storage";
import { openRepository } from "@millrace/repository";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import {
  createPromisor,
  openStorageSource,
  openTree,
  SharedPromisor,
  type StorageSource,
} from "../../src/index.ts";
import { countRequests } from "../support/counting-source.ts";
import { createLentRepository, git, gitBytes, type LentRepository } from "../support/repository.ts";

/** Brings a ref and what it reaches into a storage, as a server takes a push. */
async function push(storage: Storage, repository: string, { path, oid }: LentRepository, ref: string) {
  const tip = oid(ref);
  const pack = gitBytes(path, ["pack-objects", "--revs", "--stdout", "-q"], `${tip}\n`);
  await using store = await storage.open(repository);
  await using target = openRepository(store);
  await using receiver = await target.openReceiver();
  const command = { name: ref, old: null, new: tip };
  const report = await receiver.receive({
    commands: [command],
    atomic: false,
    pack: (async function* () {
      yield pack;
    })(),
  });
  expect(report.refs).toEqual([{ name: ref }]);
}

describe.each(["sha1", "sha256"] as const)("a repository in a storage, read with no server, %s", (format) => {
  let lent: LentRepository;
  let storage: Storage;
  let source: StorageSource;

  beforeAll(async () => {
    lent = await createLentRepository(format);
    storage = createMemoryStorage();
    const store = await storage.create("team/a.git", { objectFormat: format, head: "refs/heads/main" });
    await store[Symbol.asyncDispose]();
    git(lent.path, ["tag", "-a", "-m", "tagged", "v1", "main~2"]);
    await push(storage, "team/a.git", lent, "refs/heads/main");
    await push(storage, "team/a.git", lent, "refs/tags/v1");
    source = await openStorageSource(storage, "team/a.git");
  });
  afterAll(async () => {
    await source[Symbol.asyncDispose]();
    await storage[Symbol.asyncDispose]();
    await lent[Symbol.asyncDispose]();
  });

  it("gives one commit with its trees, and files as they are asked for", async () => {
    const counting = countRequests(source);
    const objects = new SharedPromisor(await createPromisor(counting));
    const view = await openTree({ objects, refs: source }, "main");
    expect(view.commit).toBe(lent.oid("main"));
    expect(objects.isHere(lent.oid("main:src/part-1"))).toBe(true);
    expect(objects.isHere(lent.oid("main~1"))).toBe(false);
    expect(objects.isHere(lent.oid("main:README"))).toBe(false);
    const size = (await view.stat("large.bin")).sizeBytes;
    expect(size).toBe(3 << 20);
    expect(counting.requests.length).toBe(1);
    expect(Buffer.from(await view.readFile("README")).toString()).toBe(
      `${git(lent.path, ["show", "main:README"])}\n`,
    );
    await view.prefetch();
    expect(counting.requests.length).toBe(3);
    const listed: string[] = [];
    for await (const files of view.walk()) listed.push(...files.map(({ path, oid }) => `${oid}\t${path}`));
    const theirs = git(lent.path, ["ls-tree", "-r", "--format=%(objectname)%x09%(path)", "main"]);
    expect(listed.toSorted()).toEqual(theirs.split("\n").toSorted());
  });

  it("lists its refs as a server does, and leads tags and HEAD on", async () => {
    const refs: RemoteRef[] = [];
    for await (const ref of source.listRefs({ prefixes: [] })) refs.push(ref);
    expect(refs).toEqual([
      { name: "HEAD", oid: lent.oid("main"), symrefTarget: "refs/heads/main", peeled: undefined },
      { name: "refs/heads/main", oid: lent.oid("main"), symrefTarget: undefined, peeled: undefined },
      { name: "refs/tags/v1", oid: lent.oid("v1"), symrefTarget: undefined, peeled: lent.oid("v1^{}") },
    ]);
    const objects = new SharedPromisor(await createPromisor(source));
    expect((await openTree({ objects, refs: source }, "v1")).commit).toBe(lent.oid("main~2"));
    expect((await openTree({ objects, refs: source }, "HEAD")).commit).toBe(lent.oid("main"));
  });

  it("tells what is not there without keeping the others away, and finds what came later", async () => {
    const absent = "1".repeat(lent.oid("main").length);
    const objects = new SharedPromisor(await createPromisor(source));
    const asked = [absent, lent.oid("main:README")].map((oid) => objects.resolve(oid));
    const [missing, found] = await Promise.allSettled(asked);
    expect(missing).toMatchObject({ reason: { code: "PROMISOR_OBJECT_MISSING", oid: absent } });
    expect(found?.status).toBe("fulfilled");
    const tree = git(lent.path, ["rev-parse", "main^{tree}"]);
    const later = git(lent.path, ["commit-tree", tree, "-m", "later"]);
    git(lent.path, ["update-ref", "refs/heads/later", later]);
    await push(storage, "team/a.git", lent, "refs/heads/later");
    expect((await objects.resolve(later)).type).toBe("commit");
  });

  it("keeps to its limits, ends with its signal, and tells that there is no such repository", async () => {
    await using small = await openStorageSource(storage, "team/a.git", { maxObjectBytes: 1000 });
    await expect(small.fetch([lent.oid("main:large.bin")])).rejects.toMatchObject({
      code: "PACK_LIMIT_EXCEEDED",
    });
    const signal = AbortSignal.abort(new Error("enough"));
    await expect(source.fetch([lent.oid("main")], { signal })).rejects.toThrow("enough");
    await expect(openStorageSource(storage, "team/b.git")).rejects.toMatchObject({
      code: "STORAGE_NOT_FOUND",
    });
  });
});
