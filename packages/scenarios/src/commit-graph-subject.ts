import { createHash } from "node:crypto";
import { readdir, rm, writeFile } from "node:fs/promises";
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
import { git } from "./git.ts";
import type { Random } from "./random.ts";
import { type Scratch, createScratch } from "./scratch.ts";

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
export class CommitGraphSubject implements AsyncDisposable {
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

  static async create(format: ObjectFormat, random: Random): Promise<CommitGraphSubject> {
    const subject = new CommitGraphSubject(await createScratch(), format, random);
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
export async function countReads(view: RepositoryView): Promise<() => number> {
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
