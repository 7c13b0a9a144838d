import { appendFileSync, writeFileSync } from "node:fs";
import { mkdir, mkdtemp, readFile, rm, writeFile } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createSourceTree } from "../client/source-tree.ts";
import { runCommand } from "../process/run-command.ts";
import { machineFacts } from "../report/machine.ts";
import { type Spread, spreadOf } from "../statistics.ts";
import type { MountBenchOptions } from "./schema.ts";
import { type Tree, ways } from "./subjects.ts";

/** What is done in a mount and in a clone beside it, and how much longer it may take in the mount. */
interface Case {
  readonly name: string;
  readonly run: string;
  /** Of the mount's time to the clone's. */
  readonly maxRatio?: number | undefined;
  /** Of the mount's own time, in milliseconds. */
  readonly maxMs?: number | undefined;
}

interface ScaleRow extends Case {
  /** Milliseconds. */
  readonly mount: Spread;
  readonly clone: Spread;
  /** The median of each pair's ratio. */
  readonly ratio: number;
  /** MB (10^6 bytes) of the mount's process that are no file's, at the end of the case, the most of all runs. */
  readonly anonymousMB: number;
  readonly holds: boolean | undefined;
}

const MAX_ANONYMOUS_MB = 250;
const STATUS = "git -c core.fsmonitor=false status --porcelain";

/** In a tree of so many files: a fifth of them in one directory, the others in 320. */
const IN_LARGE: readonly Case[] = [
  { name: "ls -l of a directory, cold", run: "ls -l src/part-0/module-0 | wc -l", maxRatio: 5 },
  { name: "ls -l of a directory", run: "ls -l src/part-0/module-0 | wc -l", maxRatio: 3 },
  { name: "ls -l of a large directory, cold", run: "ls -l src/wide | wc -l", maxRatio: 5 },
  { name: "ls -l of a large directory", run: "ls -l src/wide | wc -l", maxRatio: 3 },
  { name: "find, cold", run: "find . -path ./.git -prune -o -print", maxRatio: 5 },
  { name: "find", run: "find . -path ./.git -prune -o -print", maxRatio: 3 },
  { name: "git status, cold", run: "git status --porcelain", maxRatio: 5 },
  { name: "git status, without fsmonitor, cold", run: STATUS, maxRatio: 5 },
  { name: "git status, without fsmonitor", run: STATUS, maxRatio: 3 },
  { name: "git status", run: "git status --porcelain", maxRatio: 3 },
];

/** In a small tree, one after the other. */
function inSmall(archive: string, writeCount: number): readonly Case[] {
  const write = `i=0; while [ $i -lt ${writeCount} ]; do echo $i > small-$i; i=$((i+1)); done`;
  return [
    { name: "git status of 5,800 files, first", run: "git status --porcelain" },
    { name: "git status of 5,800 files", run: "git status --porcelain", maxMs: 100 },
    { name: "git status of 5,800 files, without fsmonitor, cold", run: STATUS, maxMs: 100 },
    { name: "git status of 5,800 files, without fsmonitor", run: STATUS, maxMs: 100 },
    { name: "git status of 5,800 files, after that", run: "git status --porcelain" },
    { name: "untar", run: `tar xf ${archive}`, maxRatio: 4 },
    { name: "git status after untar", run: "git status --porcelain", maxMs: 150 },
    { name: "find after untar", run: "find untarred" },
    { name: "rm -rf", run: "rm -rf untarred", maxRatio: 4 },
    { name: "small writes", run: write },
    { name: "rm of small files", run: "rm small-*" },
  ];
}

/** Measures mounts with many files, and what writes many, beside a clone on the same disk; and reports. */
export async function runScaleBench({ runs, json, quick }: MountBenchOptions): Promise<void> {
  if (json !== undefined) writeFileSync(json, "");
  const machine = await machineFacts();
  const root = await mkdtemp(join(tmpdir(), "millrace-bench-"));
  const taken = new Map<Case, { mount: number[]; clone: number[]; anonymous: number[] }>();
  try {
    const fileCount = quick ? 2000 : 100_000;
    const [inFolder, inOne] = [fileCount / 400, fileCount / 5];
    const large = await createSourceTree(await folder(root, "large"), fileCount, 600, inFolder, inOne);
    const small = await createSourceTree(await folder(root, "small"), quick ? 200 : 5800, 6 << 10);
    const archive = await makeArchive(root, quick ? 500 : 50_000);
    const smallCases = inSmall(archive, quick ? 50 : 2000);
    for (let run = 0; run < (quick ? 1 : runs); run++) {
      await measure(large.path, await folder(root, `large-${run}`), IN_LARGE, taken);
      await measure(small.path, await folder(root, `small-${run}`), smallCases, taken);
    }
  } finally {
    await rm(root, { recursive: true, force: true });
  }
  const rows = [...taken].map(([each, { mount, clone, anonymous }]): ScaleRow => {
    const ratio = spreadOf(mount.map((value, i) => value / clone[i]!)).median;
    const row = { ...each, mount: spreadOf(mount), clone: spreadOf(clone), ratio };
    const anonymousMB = Math.max(...anonymous);
    const holds =
      anonymousMB <= MAX_ANONYMOUS_MB &&
      ratio <= (each.maxRatio ?? Infinity) &&
      row.mount.median <= (each.maxMs ?? Infinity);
    return { ...row, anonymousMB, holds };
  });
  for (const row of rows) {
    const line = JSON.stringify({ ...row, unit: "ms", ...machine });
    if (json === undefined) process.stdout.write(`${line}\n`);
    else appendFileSync(json, `${line}\n`);
  }
  process.stderr.write(`${tableOf(rows)}\n`);
}

/** Does all cases in a mount and in a clone, taking turns. */
async function measure(
  repository: string,
  place: string,
  cases: readonly Case[],
  taken: Map<Case, { mount: number[]; clone: number[]; anonymous: number[] }>,
): Promise<void> {
  const begin = async (name: string): Promise<Tree> => {
    const tree = await ways
      .find((way) => way.name === name)!
      .begin(`file://${repository}`, await folder(place, name));
    await tree.ready;
    return tree;
  };
  try {
    await using clone = await begin("clone");
    await using mount = await begin("mount");
    for (const each of cases) {
      const beside = await shell(clone.path, each.run);
      const inside = await shell(mount.path, each.run);
      if (beside.output !== inside.output) throw new Error(`mount: another outcome of ${each.name}`);
      const figures = taken.get(each) ?? { mount: [], clone: [], anonymous: [] };
      taken.set(each, figures);
      figures.mount.push(inside.ms);
      figures.clone.push(beside.ms);
      figures.anonymous.push(await anonymousMB(mount.pid!));
    }
  } finally {
    await rm(place, { recursive: true, force: true });
  }
}

async function shell(path: string, command: string): Promise<{ ms: number; output: string }> {
  const { stdout, wallSeconds } = await runCommand("env", ["-C", path, "sh", "-c", command]);
  return { ms: wallSeconds * 1000, output: stdout.split("\n").toSorted().join("\n") };
}

/** An archive of small files in folders of a hundred, as a package manager unpacks them. */
async function makeArchive(root: string, fileCount: number): Promise<string> {
  const archive = join(root, "small.tar");
  for (let i = 0; i < fileCount; i++) {
    const path = join(root, "untarred", `package-${Math.floor(i / 100)}`, i % 2 === 0 ? "" : "lib");
    if (i % 100 < 2) await mkdir(path, { recursive: true });
    await writeFile(join(path, `file-${i}.js`), "x".repeat(200 + ((i * 7919) % 3000)));
  }
  await runCommand("tar", ["cf", archive, "-C", root, "untarred"]);
  await rm(join(root, "untarred"), { recursive: true });
  return archive;
}

async function folder(above: string, name: string): Promise<string> {
  const path = join(above, name);
  await mkdir(path, { recursive: true });
  return path;
}

async function anonymousMB(pid: number): Promise<number> {
  const status = await readFile(`/proc/${pid}/status`, "utf8");
  return Math.round((Number(/^RssAnon:\s+(\d+) kB$/m.exec(status)?.[1]) * 1024) / 1e6);
}

function tableOf(rows: readonly ScaleRow[]): string {
  const cells = ({ name, mount, clone, ratio, anonymousMB, maxRatio, maxMs, holds }: ScaleRow): string[] => {
    const bound = maxRatio === undefined ? (maxMs === undefined ? "" : `≤ ${maxMs} ms`) : `≤ ${maxRatio}×`;
    const times = [mount, clone].map(
      ({ median, min, max }) => `${median.toFixed(0)} (${min.toFixed(0)}–${max.toFixed(0)})`,
    );
    return [name, ...times, ratio.toFixed(2), `${holds === true ? "" : "MISSED "}${bound}`, `${anonymousMB}`];
  };
  const head = ["ms", "mount", "clone", "ratio", "bound", "anonymous MB"];
  return [head, head.map(() => "---"), ...rows.map(cells)]
    .map((line) => `| ${line.join(" | ")} |`)
    .join("\n");
}
