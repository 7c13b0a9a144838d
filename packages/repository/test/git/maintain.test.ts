import { indexPack, type Oid, openPackIndex } from "@millrace/pack";
import { createMemoryStorage, type Storage } from "@millrace/storage";
import { afterEach, beforeEach, describe, expect, it } from "vitest";
import { openRepository, type Repository } from "../../src/index.ts";
import { chunksOf, packOf, withView } from "./memory-repository.ts";
import { createGitRepository, type GitRepository } from "./real-git.ts";

describe("maintain, in memory", () => {
  let source: GitRepository;
  let storage: Storage;
  let repository: Repository;
  beforeEach(async () => {
    source = createGitRepository();
    storage = createMemoryStorage();
    repository = openRepository(await storage.create("r.git"));
  });
  afterEach(async () => {
    await repository[Symbol.asyncDispose]();
    source.remove();
  });

  /** Pushes a commit to a branch, with what the repository does not have. */
  async function push(branch: string, commit: Oid, without: readonly Oid[] = []): Promise<void> {
    const name = `refs/heads/${branch}`;
    const old = await withView(repository, async (view) => {
      for await (const ref of view.listRefs()) if (ref.name === name) return ref.oid;
      return null;
    });
    const revisions = [commit, ...without.map((oid) => `^${oid}`)].join("\n");
    const pack = source.run(
      ["pack-objects", "--revs", "--stdout", "--delta-base-offset", "-q"],
      `${revisions}\n`,
    );
    const receiver = await repository.openReceiver();
    const report = await receiver.receive({
      commands: [{ name, old, new: commit }],
      atomic: true,
      pack: chunksOf(pack),
    });
    await receiver[Symbol.asyncDispose]();
    expect(report).toMatchObject({ refs: [{ name }] });
    expect(report.refs[0]!.error).toBeUndefined();
  }

  async function remove(branch: string): Promise<void> {
    const name = `refs/heads/${branch}`;
    await repository.store.commit({ refs: [{ name, new: null }] });
  }

  /** Commits one after another, the oldest first. */
  function makeHistory(count: number): readonly Oid[] {
    const lines: string[] = [];
    for (let i = 0; i < count; i++) {
      lines.push(
        "commit refs/heads/main",
        `committer C <c@example.com> ${1_700_000_000 + i} +0000`,
        "data 0",
      );
      for (const name of [`f${i % 7}`, `d/e${i % 3}/g`]) {
        const text = `${name} ${i}\n${Array.from({ length: 40 }, (_, line) => `line ${line} ${line === i % 40}`).join("\n")}\n`;
        lines.push(`M 100644 inline ${name}`, `data ${text.length}`, text);
      }
    }
    source.run(["fast-import", "--quiet", "--done"], `${lines.join("\n")}\ndone\n`);
    return source.text(["rev-list", "--reverse", "main"]).split("\n");
  }

  async function packCounts(): Promise<number[]> {
    const snapshot = await repository.store.snapshot();
    const counts: number[] = [];
    for (const { id } of await snapshot.packs()) {
      const handle = await snapshot.openPack(id);
      counts.push(openPackIndex((await handle.sidecar("idx"))!, "sha1").count);
      await handle[Symbol.asyncDispose]();
    }
    await snapshot[Symbol.asyncDispose]();
    return counts.sort((a, b) => b - a);
  }

  /** All ids that are stored. */
  async function stored(): Promise<Set<Oid>> {
    const snapshot = await repository.store.snapshot();
    const oids = new Set<Oid>();
    for (const { id } of await snapshot.packs()) {
      const handle = await snapshot.openPack(id);
      const index = openPackIndex((await handle.sidecar("idx"))!, "sha1");
      for (let i = 0; i < index.count; i++) oids.add(index.oidAt(i));
    }
    await snapshot[Symbol.asyncDispose]();
    return oids;
  }

  /** What a clone of a commit gets is what git lists. */
  async function expectWhole(commit: Oid): Promise<void> {
    const pack = await withView(repository, (view) => packOf(view, { wants: [commit] }));
    const sink = { write: async () => {}, open: async () => bytesOf(pack) };
    const { index } = await indexPack([pack], { format: "sha1", sink });
    const listed = source.text(["rev-list", "--objects", "--no-object-names", commit]).split("\n").sort();
    expect(Array.from({ length: index.count }, (_, i) => index.oidAt(i))).toEqual(listed);
  }

  it("rolls small packs up without losing an object, and has nothing to do after that", async () => {
    const history = makeHistory(120);
    await push("main", history[100]!);
    for (let i = 102; i < 119; i += 2) await push("main", history[i]!, [history[i - 2]!]);
    const before = await stored();
    const counts = await packCounts();
    expect(counts.length).toBe(10);
    const planned = await repository.maintain({ dryRun: true });
    expect(planned).toMatchObject({ kind: "roll-up", created: [], removed: [] });
    expect(await packCounts()).toEqual(counts);
    const report = await repository.maintain();
    expect(report.packs).toEqual(planned.packs);
    expect([...report.removed].sort()).toEqual([...planned.packs].sort());
    expect(report.created).toHaveLength(1);
    const after = await packCounts();
    expect(after.length).toBeLessThan(4);
    for (let i = 1; i < after.length; i++) expect(after[i - 1]!).toBeGreaterThanOrEqual(2 * after[i]!);
    expect(await stored()).toEqual(before);
    await expectWhole(history[118]!);
    expect(await repository.maintain()).toMatchObject({ kind: "none", created: [], removed: [] });
  });

  it("keeps what nobody reaches as long as it is young, with all that it needs, and drops it then", async () => {
    const history = makeHistory(60);
    await push("main", history[30]!);
    await push("gone", history[55]!, [history[30]!]);
    const all = await stored();
    await remove("gone");
    const first = await repository.maintain({ full: true });
    expect(first).toMatchObject({ kind: "full", droppedCount: 0 });
    expect(first.keptCount).toBeGreaterThan(20);
    expect(await stored()).toEqual(all);
    // Roll-ups leave it where it is.
    expect(await repository.maintain()).toMatchObject({ kind: "none" });
    // It comes back as if nothing had been.
    await push("again", history[55]!, [history[55]!]);
    await expectWhole(history[55]!);
    await remove("again");
    await new Promise((resolve) => setTimeout(resolve, 1100));
    const second = await repository.maintain({ full: true, graceMs: 0 });
    expect(second.droppedCount).toBe(first.keptCount);
    const listed = source.text(["rev-list", "--objects", "--no-object-names", history[30]!]).split("\n");
    expect([...(await stored())].sort()).toEqual(listed.sort());
    await expectWhole(history[30]!);
  });

  it("keeps the old packs where a push has come to need what was to be dropped", async () => {
    const history = makeHistory(60);
    await push("main", history[30]!);
    await push("gone", history[55]!, [history[30]!]);
    await remove("gone");
    await new Promise((resolve) => setTimeout(resolve, 1100));
    let pushed = false;
    const report = await repository.maintain({
      full: true,
      graceMs: 0,
      onProgress: ({ phase }) => {
        if (phase !== "writing" || pushed) return;
        pushed = true;
        void repository.store.commit({ refs: [{ name: "refs/heads/late", old: null, new: history[55]! }] });
      },
    });
    expect(pushed).toBe(true);
    expect(report.removed).toEqual([]);
    await expectWhole(history[55]!);
  });

  it("has a push judged again where what it builds on is dropped before it lands", async () => {
    const history = makeHistory(60);
    await push("main", history[30]!);
    await push("gone", history[50]!, [history[30]!]);
    await new Promise((resolve) => setTimeout(resolve, 1100));
    const { store } = repository;
    let commits = 0;
    const late = openRepository({
      ...store,
      objectFormat: store.objectFormat,
      async commit(request, options) {
        if (commits++ === 0) {
          await remove("gone");
          expect(await repository.maintain({ full: true, graceMs: 0 })).toMatchObject({ kind: "full" });
        }
        return store.commit(request, options);
      },
    });
    const pack = source.run(
      ["pack-objects", "--revs", "--stdout", "-q"],
      `${history[55]}\n^${history[50]}\n`,
    );
    const receiver = await late.openReceiver();
    const name = "refs/heads/late";
    const commands = [{ name, old: null, new: history[55]! }];
    const report = await receiver.receive({ commands, atomic: false, pack: chunksOf(pack) });
    await receiver[Symbol.asyncDispose]();
    await late[Symbol.asyncDispose]();
    expect(report.refs).toEqual([{ name, error: "missing necessary objects" }]);
    expect(commits).toBe(1);
    await push("main", history[55]!, [history[30]!]);
    await expectWhole(history[55]!);
  });

  it("lets a clone that has begun read on", async () => {
    const history = makeHistory(60);
    await push("main", history[20]!);
    await push("main", history[50]!, [history[20]!]);
    await withView(repository, async (view) => {
      const request = {
        wants: [history[50]!],
        haves: [],
        thinPack: false,
        ofsDelta: true,
        includeTag: false,
      };
      const chunks: Uint8Array[] = [];
      let report: unknown;
      for await (const chunk of view.createPack(request)) {
        report ??= await repository.maintain({ full: true });
        chunks.push(chunk);
      }
      expect(report).toMatchObject({ kind: "full", removed: [expect.any(String), expect.any(String)] });
      const checked = createGitRepository();
      checked.run(["index-pack", "--strict", "--stdin"], Buffer.concat(chunks));
      checked.remove();
    });
  });

  it("leaves all as it was where history is not whole, and one at a time is at it", async () => {
    const history = makeHistory(30);
    await push("main", history[20]!);
    const broken = "12".repeat(20);
    await repository.store.commit({ refs: [{ name: "refs/heads/broken", old: null, new: broken }] });
    const counts = await packCounts();
    await expect(repository.maintain({ full: true })).rejects.toMatchObject({
      code: "REPOSITORY_OBJECT_MISSING",
    });
    expect(await packCounts()).toEqual(counts);
    await remove("broken");
    const both = await Promise.allSettled([
      repository.maintain({ full: true }),
      repository.maintain({ full: true }),
    ]);
    expect(both.map(({ status }) => status).sort()).toEqual(["fulfilled", "rejected"]);
    await expect(
      repository.maintain({ full: true, signal: AbortSignal.abort(new Error("enough")) }),
    ).rejects.toThrow("enough");
    expect(await repository.maintain({ full: true, reuseDeltas: false })).toMatchObject({ kind: "full" });
  });
});

function bytesOf(bytes: Uint8Array) {
  return {
    sizeBytes: bytes.length,
    read: async (offset: number, length: number) => bytes.slice(offset, offset + length),
  };
}
