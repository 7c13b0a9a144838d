import { createHash } from "node:crypto";
import { readdir, readFile, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import type { ObjectFormat } from "@millrace/pack";
import {
  createObjectCaches,
  enumerateObjects,
  openRepository,
  type Repository,
  type RepositoryView,
} from "@millrace/repository";
import { openFsRepository } from "@millrace/storage-fs";
import { describe, expect, it } from "vitest";
import { git } from "../src/git.ts";
import { createRandom, type Random } from "../src/random.ts";
import { type Scratch, createScratch } from "../src/scratch.ts";

const FIRST_TIME = 1_700_000_000;

type Kind = "objects" | "common" | "reachable" | "depth" | "since" | "not";

/** What is asked for, and where from. */
interface Question {
  readonly kind: Kind;
  readonly some: readonly string[];
  readonly others: readonly string[];
  readonly number: number;
}

/** What was answered, and how many commits were read for it. */
interface Answers {
  readonly told: readonly unknown[];
  readonly reads: number;
}

/** A repository on a disk that git keeps a commit-graph of. */
class Subject implements AsyncDisposable {
  readonly directory: string;
  readonly random: Random;
  readonly #scratch: Scratch;
  readonly #format: ObjectFormat;
  #commits = 0;

  private constructor(scratch: Scratch, format: ObjectFormat, random: Random) {
    this.directory = join(scratch.path, "git");
    this.random = random;
    this.#scratch = scratch;
    this.#format = format;
  }

  static async create(format: ObjectFormat, random: Random): Promise<Subject> {
    const subject = new Subject(await createScratch(), format, random);
    await git(["init", "--quiet", "--bare", `--object-format=${format}`, subject.directory]);
    // Each import is one pack.
    await subject.git("config", "fastimport.unpackLimit", "0");
    return subject;
  }

  git(...args: string[]): Promise<string> {
    return git(args, { cwd: this.directory });
  }

  /** Adds commits with up to six parents, each to one of many files; their clocks run backwards now and then. */
  async grow(commits: number): Promise<void> {
    const { random } = this;
    const marks = join(this.#scratch.path, "marks");
    const lines: string[] = [];
    for (let i = 0; i < commits; i++) {
      const mark = ++this.#commits;
      const time = FIRST_TIME + mark * 60 - (random.chance(0.1) ? 86_400 : 0);
      lines.push(`commit refs/heads/b${random.below(4)}`, `mark :${mark}`);
      lines.push(`committer C <c@example.com> ${time} +0000`, "data 2", "c\n");
      const parents = new Set<number>();
      if (mark > 1 && random.chance(0.95)) parents.add(mark - 1 - random.below(Math.min(mark - 1, 4)));
      const merged = random.pick([0, 0, 0, 0, 1, 1, 2, 5]);
      for (let p = 0; parents.size > 0 && p < merged; p++) parents.add(1 + random.below(mark - 1));
      for (const [p, parent] of [...parents].entries())
        lines.push(`${p === 0 ? "from" : "merge"} :${parent}`);
      if (parents.size === 0) lines.push("deleteall");
      const text = `${random.below(1000)}\n`.repeat(1 + random.below(20));
      lines.push(`M 100644 inline d${random.below(4)}/f${random.below(9)}`, `data ${text.length}`, text);
      if (random.chance(0.1)) {
        lines.push(`tag t${mark}`, `from :${mark}`, "tagger T <t@example.com> 1 +0000", "data 1", "t");
      }
    }
    const known = this.#commits > commits ? [`--import-marks=${marks}`] : [];
    await git(["fast-import", "--quiet", "--force", `--export-marks=${marks}`, ...known], {
      cwd: this.directory,
      input: `${lines.join("\n")}\ndone\n`,
    });
  }

  /** Adds that many commits to `main`, one behind the other and all with the same tree. */
  async growLong(commits: number): Promise<void> {
    const lines: string[] = [];
    for (let i = 0; i < commits; i++) {
      lines.push("commit refs/heads/main", `committer C <c@example.com> ${FIRST_TIME + i} +0000`, "data 0");
    }
    await git(["fast-import", "--quiet"], { cwd: this.directory, input: `${lines.join("\n")}\ndone\n` });
  }

  async write(...how: string[]): Promise<void> {
    await this.git("commit-graph", "write", "--reachable", ...how);
  }

  /** Paths of the commit-graph's files, none of them a chain. */
  async files(): Promise<string[]> {
    const info = join(this.directory, "objects", "info");
    const names = await readdir(info, { recursive: true });
    return names
      .filter((name) => name.endsWith(".graph") || name === "commit-graph")
      .map((name) => join(info, name));
  }

  /** All commits that git knows, reachable or not. */
  async commits(): Promise<string[]> {
    const format = "--batch-check=%(objecttype) %(objectname)";
    const all = await this.git("cat-file", "--batch-all-objects", format);
    const lines = all.split("\n").filter((line) => line.startsWith("commit "));
    return lines.map((line) => line.slice("commit ".length));
  }

  /** Drops some commits from the disk, whatever stands on them. */
  async lose(count: number): Promise<void> {
    const commits = await this.commits();
    const lost = new Set(Array.from({ length: count }, () => this.random.pick(commits)));
    const all = await this.git("cat-file", "--batch-all-objects", "--batch-check=%(objectname)");
    const kept = all.split("\n").filter((oid) => !lost.has(oid));
    const folder = join(this.directory, "objects", "pack");
    const before = await readdir(folder);
    const pack = join(folder, "pack");
    await git(["pack-objects", "-q", "--threads=1", pack], {
      cwd: this.directory,
      input: `${kept.join("\n")}\n`,
    });
    for (const name of before) await rm(join(folder, name));
  }

  /** Runs `use` with the repository as a new process opens it. */
  async open<T>(use: (repository: Repository) => Promise<T>, graphBytes?: number): Promise<T> {
    await using store = await openFsRepository(this.directory);
    await using repository = openRepository(store, { caches: createObjectCaches({ graphBytes }) });
    return await use(repository);
  }

  /** Questions about any of these commits. */
  questions(count: number, commits: readonly string[]): Question[] {
    const { random } = this;
    const some = (most: number): string[] =>
      Array.from({ length: 1 + random.below(most) }, () => random.pick(commits));
    return Array.from({ length: count }, () => ({
      kind: random.pick(KINDS),
      some: some(3),
      others: some(4),
      number: random.below(this.#commits),
    }));
  }

  /** The answers of processes that each have answered nothing before. */
  async ask(questions: readonly Question[]): Promise<Answers> {
    const told: unknown[] = [];
    let reads = 0;
    for (const question of questions) {
      await this.open(async (repository) => {
        await using view = await repository.openView();
        const count = await countReads(view);
        told.push(await ANSWERS[question.kind](view, question).catch(codeOf));
        reads += count();
      });
    }
    return { told, reads };
  }

  /** What is answered with git's commit-graph, and what without. */
  async compare(
    questions: readonly Question[],
  ): Promise<{ readonly by: Answers; readonly without: Answers }> {
    const by = await this.ask(questions);
    await this.git("config", "core.commitGraph", "false");
    const without = await this.ask(questions);
    await this.git("config", "--unset", "core.commitGraph");
    return { by, without };
  }

  /** Puts another content in a file's place, with the checksum that belongs there if `isSigned`. */
  async forge(path: string, bytes: Buffer, isSigned: boolean): Promise<void> {
    if (isSigned) {
      const end = bytes.length - (this.#format === "sha1" ? 20 : 32);
      createHash(this.#format).update(bytes.subarray(0, end)).digest().copy(bytes, end);
    }
    await rm(path);
    await writeFile(path, bytes);
  }

  async [Symbol.asyncDispose](): Promise<void> {
    await this.#scratch[Symbol.asyncDispose]();
  }
}

/** Counts the commits that a view reads from now on. */
async function countReads(view: RepositoryView): Promise<() => number> {
  const objects = await view.objects();
  const read = objects.read.bind(objects);
  let reads = 0;
  objects.read = async (oid) => {
    const object = await read(oid);
    if (object.type === "commit") reads++;
    return object;
  };
  return () => reads;
}

const ANSWERS: Readonly<Record<Kind, (view: RepositoryView, question: Question) => Promise<unknown>>> = {
  async objects(view, { some, others }) {
    const { table, numbers } = await enumerateObjects(await view.objects(), { wants: some, haves: others });
    return Array.from(numbers, (each) => table.oidAt(each)).toSorted();
  },
  common: (view, { some, others }) => view.reachesCommon(some, others),
  reachable: (view, { some }) => view.areReachable(some),
  depth: (view, { some, others, number }) =>
    view.deepen({
      wants: some,
      clientShallow: others,
      depth: 1 + (number % 6),
      relative: number % 3 === 0,
    }),
  since: (view, { some, others, number }) =>
    view.deepen({ wants: some, clientShallow: others, since: FIRST_TIME + number * 60 }),
  not: (view, { some, others, number }) =>
    view.deepen({ wants: some, clientShallow: others, not: [`b${number % 4}`] }),
};
const KINDS = Object.keys(ANSWERS) as Kind[];

function codeOf(error: unknown): string {
  const { code } = error as { code?: string };
  if (code === undefined) throw error;
  return code;
}

describe.each<ObjectFormat>(["sha1", "sha256"])("git's commit-graph on a disk, %s", (format) => {
  it("changes no answer, however old it is, whatever was lost since", { timeout: 600_000 }, async () => {
    let saved = 0;
    let told = 0;
    let pruned = 0;
    for (let seed = 1; seed <= 4; seed++) {
      await using subject = await Subject.create(format, createRandom(seed));
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
    await using subject = await Subject.create(format, createRandom(7));
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
    await using subject = await Subject.create(format, createRandom(8));
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
    await using subject = await Subject.create("sha1", createRandom(9));
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
    await using subject = await Subject.create("sha1", createRandom(10));
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
