import { readdir } from "node:fs/promises";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, it } from "vitest";
import { openDirectoryTransport, openRemote, type Remote, tellAll } from "../../src/client/index.ts";
import { git, runGit } from "../support/git.ts";
import { createSampleRepository, packBetween, type SampleRepository } from "../support/repository.ts";

const collect = async <T>(items: AsyncIterable<T>): Promise<T[]> => {
  const all: T[] = [];
  for await (const item of items) all.push(item);
  return all;
};

/** The client against the real git, over pipes. */
describe.each(["sha1", "sha256"] as const)("a directory by the installed git, %s", (format) => {
  let sample: SampleRepository;
  let remote: Remote;

  beforeAll(async () => {
    sample = await createSampleRepository(format);
    for (const key of [
      "uploadpack.allowFilter",
      "uploadpack.allowRefInWant",
      "transfer.advertiseObjectInfo",
    ]) {
      git(sample.bare, "config", key, "true");
    }
    remote = openRemote(openDirectoryTransport(sample.bare));
  });

  afterAll(async () => {
    await remote[Symbol.asyncDispose]();
    await sample.remove();
  });

  /** The ids of the objects of a pack, thin ones completed from the repository. */
  async function idsIn(pack: AsyncIterable<Uint8Array>): Promise<string[]> {
    const bytes = Buffer.concat((await collect(pack)).map((chunk) => Buffer.from(chunk)));
    const target = join(sample.root, `ids-${Math.random()}.git`);
    git(sample.root, "clone", "-q", "--bare", "--shared", sample.bare, target);
    const { stdout, stderr, status } = runGit(target, ["index-pack", "--fix-thin", "--stdin"], bytes);
    if (status !== 0) throw new Error(stderr);
    const name = stdout.toString().trim().split("\t")[1] ?? "";
    return git(target, "verify-pack", "-v", `objects/pack/pack-${name}.idx`)
      .split("\n")
      .map((line) => line.split(" ")[0] ?? "")
      .filter((word) => /^[0-9a-f]{40,64}$/.test(word));
  }

  it("lists refs as ls-remote does", async () => {
    const refs = await collect(remote.listRefs());
    const lines = refs.flatMap(({ name, oid, peeled }) => [
      `${oid}\t${name}`,
      ...(peeled === undefined ? [] : [`${peeled}\t${name}^{}`]),
    ]);
    expect(lines.join("\n")).toBe(git(sample.root, "ls-remote", sample.bare));
    expect(refs[0]).toMatchObject({ name: "HEAD", symrefTarget: "refs/heads/main" });
    const heads = await collect(remote.listRefs({ prefixes: ["refs/heads/t"] }));
    expect(heads.map(({ name }) => name)).toEqual(["refs/heads/topic"]);
  });

  it("tells of the branch that HEAD names before there is one", async () => {
    const empty = openRemote(openDirectoryTransport(sample.empty));
    expect(await collect(empty.listRefs())).toEqual([
      { name: "HEAD", oid: undefined, symrefTarget: "refs/heads/main", peeled: undefined },
    ]);
    await empty[Symbol.asyncDispose]();
  });

  it("fetches what is wanted, less what it has", async () => {
    const [first = "", , , last = ""] = sample.commits;
    const whole = await remote.fetch({ wants: [last] });
    expect((await idsIn(whole.pack)).length).toBeGreaterThan(8);
    const part = await remote.fetch({ wants: [last], haves: tellAll([first]), thinPack: true });
    const ids = await idsIn(part.pack);
    expect(ids).toContain(last);
    expect(ids).not.toContain(first);
  });

  it("asks in rounds until the server is content", async () => {
    const told: string[] = [];
    const unknown = Array.from({ length: 40 }, (_, n) =>
      String(n).padStart(format === "sha1" ? 40 : 64, "a"),
    );
    const oids = [...unknown, sample.commits[2] ?? "", ...unknown.map((oid) => oid.replace("a", "b"))];
    const haves = tellAll(oids);
    const answer = await remote.fetch({
      wants: [sample.commits[3] ?? ""],
      haves: { next: () => haves.next(), acknowledge: (oid) => told.push(oid) },
    });
    expect(answer.acknowledged).toEqual([sample.commits[2]]);
    expect((await idsIn(answer.pack)).toSorted()).toEqual(
      git(sample.bare, "rev-list", "--objects", "main", `^${sample.commits[2]}`)
        .split("\n")
        .map((line) => line.split(" ")[0] ?? "")
        .toSorted(),
    );
  });

  it("fetches by filter, by depth and by ref", async () => {
    const [, , third = "", last = ""] = sample.commits;
    const filtered = await idsIn((await remote.fetch({ wants: [last], filter: "blob:none" })).pack);
    const types = new Set(filtered.map((oid) => git(sample.bare, "cat-file", "-t", oid)));
    expect([...types].toSorted()).toEqual(["commit", "tree"]);
    const shallow = await remote.fetch({ wants: [last], depth: 1 });
    expect(shallow.shallow).toEqual([last]);
    expect(await idsIn(shallow.pack)).not.toContain(third);
    const byRef = await remote.fetch({ wantRefs: ["refs/heads/main"] });
    expect(byRef.wantedRefs).toEqual(new Map([["refs/heads/main", last]]));
    await byRef[Symbol.asyncDispose]();
  });

  it("tells sizes without objects, of those that there are", async () => {
    const blob = git(sample.bare, "rev-parse", "main:file-2.txt");
    const absent = "1".repeat(blob.length);
    const sizes = await remote.objectSizes([blob, absent]);
    expect(sizes).toEqual(new Map([[blob, Number(git(sample.bare, "cat-file", "-s", blob))]]));
  });

  it("answers with the server's words where an object is not there", async () => {
    const absent = "1".repeat(sample.commits[0]?.length ?? 0);
    await expect(remote.fetch({ wants: [absent] })).rejects.toMatchObject({
      code: "PROTOCOL_REMOTE_FAILED",
      remoteMessage: expect.stringContaining(`not our ref ${absent}`),
    });
  });

  it("pushes, atomically too, and tells what was refused", async () => {
    const target = join(sample.root, "pushed.git");
    git(sample.root, "init", "-q", "--bare", `--object-format=${format}`, target);
    git(target, "config", "receive.denyNonFastForwards", "true");
    git(target, "config", "receive.advertisePushOptions", "true");
    const to = openRemote(openDirectoryTransport(target));
    const [first = "", second = "", , last = ""] = sample.commits;
    const main = "refs/heads/main";
    const packed = async function* (from: string[], until: string[]) {
      yield packBetween(sample.bare, from, until);
    };
    const push = await to.openPush();
    expect(push.refs.size).toBe(0);
    expect(
      await push.send({ updates: [{ name: main, from: undefined, to: second }], pack: packed([], [second]) }),
    ).toEqual({ unpackError: undefined, refs: [{ name: main, reason: undefined, options: new Map() }] });
    await push[Symbol.asyncDispose]();
    const again = await to.openPush();
    expect(again.refs).toEqual(new Map([[main, second]]));
    const refused = await again.send({
      updates: [
        { name: main, from: second, to: first },
        { name: "refs/heads/new", from: undefined, to: last },
      ],
      pack: packed([second], [last]),
      pushOptions: ["a=b"],
    });
    expect(refused.refs.map(({ name, reason }) => [name, reason])).toEqual([
      [main, "non-fast-forward"],
      ["refs/heads/new", undefined],
    ]);
    await again[Symbol.asyncDispose]();
    const third = await to.openPush();
    const atomic = await third.send({
      updates: [
        { name: main, from: second, to: first },
        { name: "refs/heads/new", from: last, to: undefined },
      ],
      pack: packed([], []),
      atomic: true,
    });
    expect(atomic.refs.every(({ reason }) => reason !== undefined)).toBe(true);
    await third[Symbol.asyncDispose]();
    expect(git(target, "for-each-ref", "--format=%(refname) %(objectname)")).toBe(
      `${main} ${second}\nrefs/heads/new ${last}`,
    );
    git(target, "fsck", "--strict");
    await to[Symbol.asyncDispose]();
  });

  it("is not there where there is no repository", async () => {
    const nowhere = openRemote(openDirectoryTransport(join(sample.root, "nowhere")), { attempts: 1 });
    await expect(nowhere.capabilities()).rejects.toMatchObject({
      code: "PROTOCOL_NO_REPOSITORY",
      message: expect.stringContaining("does not appear to be a git repository"),
    });
    await nowhere[Symbol.asyncDispose]();
  });

  it("is a folder by any name, and no more than that", async () => {
    for (const name of ["--upload-pack=touch pwned", "$(touch pwned)", "-x", "; touch pwned"]) {
      const odd = openRemote(openDirectoryTransport(name), { attempts: 1 });
      await expect(odd.capabilities(), name).rejects.toMatchObject({ code: "PROTOCOL_NO_REPOSITORY" });
      await odd[Symbol.asyncDispose]();
      const path = join(sample.root, name);
      git(sample.root, "clone", "-q", "--bare", "--shared", sample.bare, path);
      const there = openRemote(openDirectoryTransport(path));
      expect((await collect(there.listRefs())).length, name).toBe(4);
      await there[Symbol.asyncDispose]();
    }
    expect(await readdir(".")).not.toContain("pwned");
  });

  it("leaves when it is told to", async () => {
    const stop = new AbortController();
    const answer = await remote.fetch({ wants: [sample.commits[3] ?? ""], signal: stop.signal });
    stop.abort(new Error("enough"));
    await expect(collect(answer.pack)).rejects.toThrow("enough");
    expect((await collect(remote.listRefs())).length).toBe(4);
  });
});
