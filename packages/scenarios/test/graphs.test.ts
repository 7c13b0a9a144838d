import { readdir, readFile, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { setTimeout as sleep } from "node:timers/promises";
import { type Repository, enumerateObjects, openRepository } from "@millrace/repository";
import type { RepositoryStore } from "@millrace/storage";
import { openFsRepository } from "@millrace/storage-fs";
import { describe, expect, it } from "vitest";
import { git } from "../src/git.ts";
import { createRandom } from "../src/random.ts";
import { type Scratch, createScratch } from "../src/scratch.ts";

/** A repository on a disk that git works on, and the graphs that we keep of it elsewhere. */
class Subject implements AsyncDisposable {
  readonly directory: string;
  readonly cacheFolder: string;
  #commits = 0;
  readonly #scratch: Scratch;

  private constructor(scratch: Scratch) {
    this.directory = join(scratch.path, "git");
    this.cacheFolder = join(scratch.path, "cache");
    this.#scratch = scratch;
  }

  static async create(): Promise<Subject> {
    const subject = new Subject(await createScratch());
    await git(["init", "--quiet", "--bare", "--initial-branch=main", subject.directory]);
    await git(["config", "fastimport.unpackLimit", "0"], { cwd: subject.directory });
    return subject;
  }

  git(...args: string[]): Promise<string> {
    return git(args, { cwd: this.directory });
  }

  /** Adds commits to `main`, each to one of many files, in a pack of their own or loose. */
  async grow(commits: number, how: "packed" | "loose"): Promise<void> {
    const lines: string[] = [];
    for (let i = 0; i < commits; i++) {
      const n = this.#commits++;
      lines.push(
        "commit refs/heads/main",
        `committer C <c@example.com> ${1_700_000_000 + n} +0000`,
        "data 0",
      );
      if (n > 0 && i === 0) lines.push("from refs/heads/main^0");
      for (let file = 0; n === 0 && file < 200; file++) put(lines, `d${file % 9}/f${file}`, `${file}`);
      put(lines, `d${n % 9}/f${n % 200}`, `version ${n}\n`.repeat(1 + (n % 30)));
      if (n % 11 === 0) lines.push(`M 160000 ${"cd".repeat(20)} module${n % 3}`);
      if (n % 7 === 0) {
        lines.push(`tag t${n}`, "from refs/heads/main", "tagger T <t@example.com> 1 +0000", "data 1", "t");
      }
    }
    const limit = how === "loose" ? 1_000_000 : 0;
    await git(["-c", `fastimport.unpackLimit=${limit}`, "fast-import", "--quiet", "--force"], {
      cwd: this.directory,
      input: `${lines.join("\n")}\ndone\n`,
    });
  }

  /** Runs `use` with the repository as a new process opens it. */
  async open<T>(use: (repository: Repository, store: RepositoryStore) => Promise<T>): Promise<T> {
    const store = await openFsRepository(this.directory, { cacheFolder: this.cacheFolder });
    const repository = openRepository(store);
    try {
      return await use(repository, store);
    } finally {
      await repository[Symbol.asyncDispose]();
      await store[Symbol.asyncDispose]();
    }
  }

  async cachedGraphs(): Promise<string[]> {
    const names = await readdir(this.cacheFolder, { recursive: true }).catch(() => []);
    return names.filter((name) => name.endsWith(".graph")).map((name) => join(this.cacheFolder, name));
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#scratch[Symbol.asyncDispose]();
  }
}

function put(lines: string[], path: string, text: string): void {
  lines.push(`M 100644 inline ${path}`, `data ${text.length}`, text);
}

/** What we find from `wants`, less what `haves` reach; and how many packs told it by a graph. */
async function enumerate(
  repository: Repository,
  wants: readonly string[],
  haves: readonly string[] = [],
): Promise<{ oids: string[]; graphs: number }> {
  const view = await repository.openView();
  try {
    const { table, numbers } = await enumerateObjects(await view.objects(), { wants, haves });
    const oids = Array.from(numbers, (number) => table.oidAt(number)).toSorted();
    return { oids, graphs: table.graphs?.members.length ?? 0 };
  } finally {
    await view[Symbol.asyncDispose]();
  }
}

/** Holds what we find against git: everything, which has graphs built where they are missing. */
async function expectAllAsGit(subject: Subject, repository: Repository): Promise<number> {
  const refs = (await subject.git("for-each-ref", "--format=%(objectname)")).split("\n");
  const all = await subject.git("rev-list", "--objects", "--no-object-names", "--all");
  const { oids, graphs } = await enumerate(repository, refs);
  expect(oids).toEqual(all.split("\n").toSorted());
  return graphs;
}

/** The same with a few commits, for which no graph is built. */
async function expectSomeAsGit(subject: Subject, repository: Repository): Promise<number> {
  const some = ["main", "^main~10"];
  const listed = await subject.git("rev-list", "--objects-edge-aggressive", "--no-object-names", ...some);
  const { oids, graphs } = await enumerate(
    repository,
    [await subject.git("rev-parse", "main")],
    [await subject.git("rev-parse", "main~10")],
  );
  const expected = listed.split("\n").filter((line) => line !== "" && !line.startsWith("-"));
  expect(oids).toEqual(expected.toSorted());
  return graphs;
}

describe("graphs of a repository on a disk", () => {
  it("change nothing while git packs, repacks and drops packs", { timeout: 600_000 }, async () => {
    const random = createRandom(20_261_120);
    await using subject = await Subject.create();
    await subject.grow(30, "packed");
    const graphs: number[] = [];
    for (let round = 0; round < 14; round++) {
      await subject.open(async (repository) => {
        for (let step = 0; step < 3; step++) {
          const dice = random.below(10);
          if (dice < 5) await subject.grow(1 + random.below(12), dice < 3 ? "packed" : "loose");
          else if (dice < 7) await repository.buildGraphs();
          else if (dice === 7) await subject.git("repack", "-d", "-q");
          else if (dice === 8) {
            await subject.git("repack", "-a", "-d", "-q", "-f", "--depth=90", "--window=20");
          } else await subject.git("gc", "--quiet", "--prune=now");
          graphs.push(await expectSomeAsGit(subject, repository));
          if (random.chance(0.3)) await expectAllAsGit(subject, repository);
        }
      });
    }
    expect(Math.max(...graphs)).toBeGreaterThan(1);
    expect(Math.min(...graphs)).toBe(0);
    expect(await subject.git("fsck", "--strict", "--no-dangling")).toBe("");
    expect(await subject.git("count-objects", "-v")).toContain("garbage: 0");
    expect((await subject.cachedGraphs()).length).toBeGreaterThan(0);
  });

  it("outlive the process, and are built again where they are damaged or another pack's", {
    timeout: 600_000,
  }, async () => {
    await using subject = await Subject.create();
    await subject.grow(60, "packed");
    await subject.git("tag", "old", "main");
    await subject.grow(40, "packed");
    await subject.open((repository) => repository.buildGraphs());
    expect(await subject.open((repository) => expectSomeAsGit(subject, repository))).toBe(2);
    const [one, other] = (await subject.cachedGraphs()) as [string, string];
    const sound = await readFile(one);
    for (const bad of [damaged(sound), sound.subarray(0, 200), await readFile(other), Buffer.alloc(0)]) {
      await writeFile(one, bad);
      await subject.open(async (repository) => {
        expect(await expectSomeAsGit(subject, repository)).toBe(1);
        expect(await expectAllAsGit(subject, repository)).toBe(2);
      });
      expect((await readFile(one)).equals(sound)).toBe(true);
    }
  });

  it("come by themselves to a pack that is read much", { timeout: 600_000 }, async () => {
    await using subject = await Subject.create();
    await subject.grow(300, "packed");
    await subject.open(async (repository) => {
      expect(await expectSomeAsGit(subject, repository)).toBe(0);
      let tries = 0;
      for (; tries < 600 && (await expectSomeAsGit(subject, repository)) === 0; tries++) await sleep(100);
      expect(tries).toBeGreaterThan(0);
      expect(await subject.cachedGraphs()).toHaveLength(1);
    });
  });

  it("are not needed where git's bitmaps tell what a history holds", { timeout: 600_000 }, async () => {
    await using subject = await Subject.create();
    await subject.grow(200, "packed");
    await subject.git("branch", "side", "main~50");
    await subject.git("repack", "-a", "-d", "-b", "-q");
    for (const [growth, most] of [
      [0, 30],
      [0, 30],
      [3, 60],
    ] as const) {
      // What came later is read, and what the bitmaps know is not.
      if (growth > 0) await subject.grow(growth, "packed");
      await subject.open(async (repository) => {
        const refs = (await subject.git("for-each-ref", "--format=%(objectname)")).split("\n");
        const view = await repository.openView();
        const objects = await view.objects();
        const { table, numbers } = await enumerateObjects(objects, { wants: refs, haves: [] });
        expect(table.graphs).toBeUndefined();
        expect(table.ranked).toBeDefined();
        const all = await subject.git("rev-list", "--objects", "--no-object-names", "--all");
        expect(Array.from(numbers, (number) => table.oidAt(number)).toSorted()).toEqual(
          all.split("\n").toSorted(),
        );
        const reads = objects.packs.reduce((sum, { demand }) => sum + demand.reads, 0);
        expect(reads).toBeLessThanOrEqual(most);
        await view[Symbol.asyncDispose]();
      });
      expect(await subject.cachedGraphs()).toHaveLength(0);
    }
    await subject.open(async (repository) => {
      const wants = [await subject.git("rev-parse", "main")];
      const haves = [await subject.git("rev-parse", "main~5")];
      const view = await repository.openView();
      const pack = view.createPack({ wants, haves, thinPack: true, ofsDelta: true, includeTag: true });
      for await (const chunk of pack) expect(chunk.length).toBeGreaterThan(0);
      await view[Symbol.asyncDispose]();
      for (let tries = 0; tries < 600 && (await subject.cachedGraphs()).length === 0; tries++)
        await sleep(100);
    });
    expect(await subject.cachedGraphs()).toHaveLength(1);
  });

  it("stay in memory where the cache folder takes nothing", { timeout: 600_000 }, async () => {
    await using subject = await Subject.create();
    await subject.grow(300, "packed");
    await writeFile(subject.cacheFolder, "not a folder");
    await subject.open(async (repository) => {
      expect(await expectAllAsGit(subject, repository)).toBe(1);
      expect(await expectSomeAsGit(subject, repository)).toBe(1);
    });
  });
});

function damaged(bytes: Buffer): Buffer {
  const copy = Buffer.from(bytes);
  copy[copy.length >> 1]! ^= 4;
  return copy;
}
