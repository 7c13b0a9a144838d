import { createCipheriv } from "node:crypto";
import { once } from "node:events";
import { gitEnvironment } from "@millrace/scenarios/git";
import { start } from "../process/children.ts";
import { initBare } from "./init-bare.ts";
import { type MeasuredRepository, measuredRepository } from "./measured-repository.ts";
import { type HistoryPlan, type HistoryShape, planHistory, WORDS } from "./plan-history.ts";
import { createRandom, type Random } from "./random.ts";

const SEED = 20_261_120;
const FIRST_DATE = 1_500_000_000;
const WRITE_BYTES = 1024 * 1024;
/** How many deltas may stand on each other; git's own default is 50. */
const CHAIN_DEPTH = 200;
const TAG_EVERY = 250;

/** What `--generate` may ask for. */
export function historyShape(what: string): HistoryShape {
  if (what === "small") return { objects: 12_000, largeBlobs: 2 };
  if (what === "large") return { objects: 600_000, largeBlobs: 60 };
  const objects = Number(what.replace(/^objects=/, ""));
  return { objects, largeBlobs: objects < 10_000 ? 0 : 8 };
}

/** Makes a repository, the same in every run, by `git fast-import`. */
export async function generateRepository(
  path: string,
  name: string,
  shape: HistoryShape,
): Promise<MeasuredRepository> {
  await importHistory(path, shape);
  return measuredRepository(path, name, CHAIN_DEPTH);
}

async function importHistory(path: string, shape: HistoryShape): Promise<void> {
  await initBare(path);
  const child = start("git", ["fast-import", "--quiet", "--done", `--depth=${CHAIN_DEPTH}`], {
    cwd: path,
    env: gitEnvironment,
    stdio: ["pipe", "ignore", "inherit"],
  });
  const ended = once(child, "close");
  const { stdin } = child;
  if (stdin === null) throw new Error("git fast-import cannot be written to");
  stdin.on("error", () => {});
  let parts: string[] = [];
  let bytes = 0;
  for (const part of historyStream(shape)) {
    parts.push(part);
    bytes += part.length;
    if (bytes < WRITE_BYTES) continue;
    // Large blobs are bytes that stand for characters of the same number.
    if (!stdin.write(Buffer.from(parts.join(""), "latin1")))
      await Promise.race([once(stdin, "drain"), ended]);
    parts = [];
    bytes = 0;
  }
  stdin.end(Buffer.from(parts.join(""), "latin1"));
  const [status] = (await ended) as [number | null];
  if (status !== 0) throw new Error(`git fast-import exited with ${status}`);
}

/** The stream that `git fast-import` reads (git-fast-import): every version of every file, then the commits. */
function* historyStream(shape: HistoryShape): Generator<string> {
  const random = createRandom(SEED);
  const plan = planHistory(shape, random);
  const versions = new Uint32Array(plan.paths.length);
  for (const { files } of plan.commits) for (const file of files) versions[file]!++;
  const firstMarks = new Uint32Array(plan.paths.length);
  let mark = 0;
  // All versions of a file in a row: git makes each a delta on the one before.
  for (const file of plan.paths.keys()) {
    firstMarks[file] = mark + 1;
    const text = createText(random);
    for (let version = 0; version < versions[file]!; version++) yield blob(++mark, text.next());
  }
  const largeMarks: number[] = [];
  for (let i = 0; i < shape.largeBlobs; i++) {
    largeMarks.push(++mark);
    yield blob(mark, largeContent(i));
  }
  yield* commitStream(plan, firstMarks, largeMarks, random);
  yield "done\n";
}

function blob(mark: number, content: string): string {
  return `blob\nmark :${mark}\ndata ${content.length}\n${content}\n`;
}

function* commitStream(
  { paths, commits }: HistoryPlan,
  firstMarks: Uint32Array,
  largeMarks: readonly number[],
  random: Random,
): Generator<string> {
  const nextMarks = Uint32Array.from(firstMarks);
  const markOf = (commit: number): number => 100_000_000 + commit;
  const large = new Map(
    largeMarks.map((mark, i) => [Math.floor((i * commits.length) / largeMarks.length), mark]),
  );
  let tip = 0;
  for (const [commit, { files, parents }] of commits.entries()) {
    const when = `${FIRST_DATE + commit * 600} +0000`;
    const message = `${sentence(random)}\n\n${sentence(random)}\n${sentence(random)}\n`;
    const [first, ...merged] = parents;
    // A topic's commits move a branch of their own; with its merge the main line has them.
    const branch = first === undefined || first === tip ? "main" : "topic";
    yield `commit refs/heads/${branch}\nmark :${markOf(commit)}\n`;
    yield `author A U Thor <author@example.com> ${when}\ncommitter C O Mitter <committer@example.com> ${when}\n`;
    yield `data ${message.length}\n${message}`;
    if (first !== undefined) yield `from :${markOf(first)}\n`;
    for (const other of merged) yield `merge :${markOf(other)}\n`;
    for (const file of files) yield `M 100644 :${nextMarks[file]!++} ${paths[file]}\n`;
    const largeMark = large.get(commit);
    if (largeMark !== undefined) yield `M 100644 :${largeMark} large/${largeMark}.bin\n`;
    if (branch === "main") tip = commit;
    if (commit % TAG_EVERY === TAG_EVERY - 1) {
      yield `tag v${(commit + 1) / TAG_EVERY}\nfrom :${markOf(tip)}\ntagger C O Mitter <committer@example.com> ${when}\n`;
      yield `data 8\nrelease\n`;
    }
  }
}

/** A text that changes a little from version to version. */
function createText(random: Random): { next(): string } {
  const lines = Array.from({ length: 4 + random.below(60) ** 2 / 24 }, () => sentence(random));
  let version = 0;
  return {
    next() {
      if (version++ > 0) {
        for (let edits = 1 + random.below(4); edits > 0; edits--) {
          const at = random.below(lines.length);
          lines.splice(at, random.below(3) === 0 ? 0 : 1, sentence(random));
        }
      }
      return `${lines.join("\n")}\n`;
    },
  };
}

function sentence(random: Random): string {
  const words: string[] = [];
  for (let i = 3 + random.below(9); i > 0; i--) words.push(WORDS[random.below(WORDS.length)] ?? "");
  return `${words.join(" ")} ${random.below(1_000_000)}`;
}

/** Every second one cannot be compressed, the others hardly hold anything. */
function largeContent(number: number): string {
  const bytes = (1 + (number % 3)) * 1024 * 1024;
  if (number % 2 === 1) return `${number} all quiet on the river\n`.repeat(Math.floor(bytes / 26));
  const cipher = createCipheriv("aes-128-ctr", Buffer.alloc(16, number + 1), Buffer.alloc(16));
  return cipher.update(Buffer.alloc(bytes)).toString("latin1");
}
