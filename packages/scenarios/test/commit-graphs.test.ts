import { readFile, stat } from "node:fs/promises";
import type { ObjectFormat } from "@millrace/pack";
import { enumerateObjects, type Repository } from "@millrace/repository";
import { describe, expect, it } from "vitest";
import { CommitGraphSubject, countReads } from "../src/commit-graph-subject.ts";
import { createRandom } from "../src/random.ts";

describe.each<ObjectFormat>(["sha1", "sha256"])("git's commit-graph on a disk, %s", (format) => {
  it("changes no answer, however old it is, whatever was lost since", { timeout: 600_000 }, async () => {
    let saved = 0;
    let told = 0;
    let pruned = 0;
    for (let seed = 1; seed <= 4; seed++) {
      await using subject = await CommitGraphSubject.create(format, createRandom(seed));
      const { random } = subject;
      const ask = async (commits: readonly string[]): Promise<void> => {
        const { by, without } = await subject.compare(subject.questions(12, commits));
        expect(by.told).toEqual(without.told);
        saved += without.reads - by.reads;
        told += by.told.filter((answered) => typeof answered !== "string").length;
      };
      await subject.grow(20 + random.below(30));
      const how = seed % 2 === 0 ? ["--split=no-merge"] : [];
      await subject.write(...how);
      const commits = await subject.commits();
      await ask(commits);
      for (let i = 0; i < 2; i++) {
        await subject.grow(1 + random.below(8));
        if (seed % 2 === 0) await subject.write(...how);
      }
      const more = await subject.commits();
      await ask(more);
      expect(await subject.files()).toHaveLength(seed % 2 === 0 ? 3 : 1);
      // They are asked about all the same.
      const refs = await subject.git(
        "for-each-ref",
        "--format=%(refname)",
        "refs/tags",
        "refs/heads/b1",
        "refs/heads/b2",
      );
      for (const ref of refs.split("\n")) await subject.git("update-ref", "-d", ref);
      await subject.git("repack", "-a", "-d", "-q");
      pruned += more.length - (await subject.commits()).length;
      await ask(more);
      await subject.lose(1 + random.below(3));
      await ask(more);
    }
    expect(saved).toBeGreaterThan(200);
    expect(told).toBeGreaterThan(100);
    expect(pruned).toBeGreaterThan(0);
  });

  it("is passed over where it is damaged, and nothing breaks where it lies", {
    timeout: 600_000,
  }, async () => {
    await using subject = await CommitGraphSubject.create(format, createRandom(7));
    const { random } = subject;
    await subject.grow(30);
    await subject.write("--split=no-merge");
    await subject.grow(10);
    await subject.write("--split=no-merge");
    const commits = await subject.commits();
    let saved = 0;
    for (let round = 0; round < 12; round++) {
      const path = random.pick(await subject.files());
      const sound = await readFile(path);
      const bad = Buffer.from(sound);
      bad[random.below(bad.length)]! ^= 1 << random.below(8);
      const cut = round % 3 === 2 ? bad.subarray(0, random.below(bad.length)) : bad;
      await subject.forge(path, cut, false);
      const { by, without } = await subject.compare(subject.questions(4, commits));
      expect(by.told).toEqual(without.told);
      saved += without.reads - by.reads;
      // With the checksum right, what it says may be wrong; walks end all the same, with an answer or with a typed fault.
      await subject.forge(path, bad, true);
      await subject.ask(subject.questions(4, commits));
      await subject.forge(path, sound, false);
    }
    // Where the upper layer was damaged, the lower one still counted.
    expect(saved).toBeGreaterThan(0);
    const { by, without } = await subject.compare(subject.questions(20, commits));
    expect(by.told).toEqual(without.told);
    expect(without.reads - by.reads).toBeGreaterThan(50);
  });

  it("ends walks also where it tells of commits that are their own ancestors", async () => {
    await using subject = await CommitGraphSubject.create(format, createRandom(8));
    await subject.grow(30);
    await subject.write();
    const [path] = (await subject.files()) as [string];
    const bytes = await readFile(path);
    const idBytes = format === "sha1" ? 20 : 32;
    const commits = (await subject.git("rev-list", "--all")).split("\n");
    const records = chunkAt(bytes, "CDAT");
    expect(bytes.readUInt32BE(chunkAt(bytes, "OIDF") + 255 * 4)).toBe(commits.length);
    // Each has the one before it and the one behind it for parents.
    for (let i = 0; i < commits.length; i++) {
      const at = records + i * (idBytes + 16) + idBytes;
      bytes.writeUInt32BE((i + 1) % commits.length, at);
      bytes.writeUInt32BE((i + commits.length - 1) % commits.length, at + 4);
    }
    await subject.forge(path, bytes, true);
    const { told, reads } = await subject.ask(subject.questions(40, commits));
    expect(told).toHaveLength(40);
    expect(reads).toBe(0);
  });
});

/** Where a chunk of a file of less than 4 GiB stands. */
function chunkAt(bytes: Buffer, name: string): number {
  for (let row = 8; ; row += 12) {
    if (bytes.toString("latin1", row, row + 4) === name) return bytes.readUInt32BE(row + 8);
  }
}

describe("what git's commit-graph spares", () => {
  it("is every commit that it tells of; it is read again once git has written another", async () => {
    await using subject = await CommitGraphSubject.create("sha1", createRandom(9));
    await subject.grow(60);
    const refs = (await subject.git("for-each-ref", "--format=%(objectname)", "refs/heads")).split("\n");
    const root = (await subject.git("rev-list", "--max-parents=0", "--all")).split("\n").at(-1) as string;
    const everything = async (repository: Repository): Promise<number> => {
      await using view = await repository.openView();
      const count = await countReads(view);
      await view.reachesCommon(refs, [root]);
      await view.areReachable([root]);
      await view.deepen({ wants: refs, clientShallow: [], depth: 20 });
      await enumerateObjects(await view.objects(), { wants: refs, haves: [root] });
      return count();
    };
    await subject.open(async (repository) => {
      expect(await everything(repository)).toBeGreaterThan(60);
      await subject.write();
      expect(await everything(repository)).toBe(0);
      const [tip] = refs as [string];
      const tree = await subject.git("rev-parse", `${tip}^{tree}`);
      const made = await subject.git("commit-tree", "-p", tip, "-m", "new", tree);
      await subject.git("update-ref", "refs/heads/new", made);
      await subject.git("repack", "-d", "-q");
      refs.push(made);
      // One in each of four walks.
      expect(await everything(repository)).toBeLessThanOrEqual(4);
      expect(await everything(repository)).toBeGreaterThan(0);
      await subject.write();
      expect(await everything(repository)).toBe(0);
      const views = Array.from({ length: 5 }, () => everything(repository));
      expect(await Promise.all(views)).toEqual([0, 0, 0, 0, 0]);
    });
    const { size } = await stat((await subject.files())[0] as string);
    expect(await subject.open(everything, size)).toBe(0);
    expect(await subject.open(everything, size - 1)).toBeGreaterThan(60);
  });

  it("is as much where the file has many megabytes", { timeout: 600_000 }, async () => {
    await using subject = await CommitGraphSubject.create("sha1", createRandom(10));
    await subject.growLong(80_000);
    await subject.write();
    const { size } = await stat((await subject.files())[0] as string);
    expect(size).toBeGreaterThan(4 * 1024 * 1024);
    const [tip, old] = [await subject.git("rev-parse", "main"), await subject.git("rev-parse", "main~3000")];
    await subject.open(async (repository) => {
      await using view = await repository.openView();
      const count = await countReads(view);
      expect(await view.reachesCommon([tip], [old])).toBe(true);
      expect(count()).toBe(0);
    });
  });
});
