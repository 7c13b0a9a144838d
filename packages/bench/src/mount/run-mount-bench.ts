import { appendFileSync, writeFileSync } from "node:fs";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, dirname, join } from "node:path";
import { createSourceTree } from "../client/source-tree.ts";
import { git } from "../process/git.ts";
import { runCommand } from "../process/run-command.ts";
import { machineFacts } from "../report/machine.ts";
import { type Spread, spreadOf } from "../statistics.ts";
import { firstList, type Mounter } from "./first-list.ts";
import { addLargeFile, LARGE_BYTES, LARGE_FILE } from "./large-file.ts";
import type { MountBenchOptions } from "./schema.ts";
import { type Way, ways } from "./subjects.ts";

/** One thing that was measured, in milliseconds. */
interface MountRow extends Spread {
  readonly case: string;
  readonly subject: Way["name"];
  readonly bound?: number | undefined;
}

const FILES = 5800;
const MEAN_BYTES = 6 * 1024;

/** What is asked of a tree. */
interface Command {
  readonly name: string;
  readonly run: string;
  /** Milliseconds that a mount may take. */
  readonly boundMs?: number;
  /** How many times as long as in a clone it may take. */
  readonly boundRatio?: number;
}

/** How long after its root tree has come a mount may take until it can be listed, in milliseconds. */
const FIRST_LIST_MS = 50;
const FIRST_LISTS: readonly (readonly [name: string, mounter: Mounter])[] = [
  ["first ls, from the first pack's first bytes", "foreground"],
  ["the same, of a daemon", "daemon"],
];

const READ_LARGE = `cat ${LARGE_FILE} > /dev/null`;

/** Commands that are run in a tree one after the other, each as soon as the one before has ended. `TAR` is a tar of small files. */
const COMMANDS: readonly Command[] = [
  { name: "ls -R", run: "ls -R" },
  { name: "find", run: "find . -path ./.git -prune -o -type f -print" },
  { name: "find, again", run: "find . -path ./.git -prune -o -type f -print", boundRatio: 3 },
  { name: "git status", run: "git -c core.fsmonitor=false status --porcelain" },
  { name: "git status, warm", run: "git -c core.fsmonitor=false status --porcelain", boundMs: 100 },
  { name: "grep -r", run: "grep -rlF --exclude-dir=.git --exclude-dir=large useState ." },
  { name: "grep -r, warm", run: "grep -rlF --exclude-dir=.git --exclude-dir=large useState ." },
  { name: "read a large file", run: READ_LARGE },
  // What the kernel has of the file is dropped: it comes from the cache's file, or the tree's.
  {
    name: "read a large file, again",
    run: `dd if=${LARGE_FILE} iflag=nocache count=0 status=none && ${READ_LARGE}`,
  },
  { name: "untar", run: 'mkdir untarred && tar -xf "$TAR" -C untarred', boundRatio: 4 },
  { name: "git status, after that", run: "git -c core.fsmonitor=false status --porcelain" },
  { name: "rm -r of it", run: "rm -r untarred", boundRatio: 4 },
  {
    name: "write 500 small files",
    run: 'mkdir made && i=0 && while [ $i -lt 500 ]; do echo "$i" > made/$i; i=$((i+1)); done && rm -r made',
    boundRatio: 4,
  },
];

/** Measures how soon files can be listed and read after nothing was there, and what common commands take; and reports. */
export async function runMountBench({ runs, json, quick }: MountBenchOptions): Promise<void> {
  if (json !== undefined) writeFileSync(json, "");
  const machine = await machineFacts();
  const root = await mkdtemp(join(tmpdir(), "millrace-bench-"));
  const figures = new Map<string, { name: string; subject: Way["name"]; values: number[] }>();
  const note = (name: string, subject: Way["name"], value: number): void => {
    const key = `${name} ${subject}`;
    const figure = figures.get(key) ?? { name, subject, values: [] };
    figure.values.push(value);
    figures.set(key, figure);
  };
  try {
    const tree = await createSourceTree(root, quick ? 200 : FILES, MEAN_BYTES);
    await addLargeFile(tree.path, root, quick ? LARGE_BYTES / 16 : LARGE_BYTES);
    const tar = join(root, "small.tar");
    await git(tree.path, [
      "archive",
      "--format=tar",
      `--output=${tar}`,
      "main",
      ...(quick ? ["src/part-0"] : ["src"]),
    ]);
    for (let run = 0; run < (quick ? 1 : runs); run++) {
      const outputs = new Map<string, string>();
      // Side by side: what else the machine does meets all of them.
      for (const way of ways) {
        const folder = join(root, `${run}-${ways.indexOf(way)}`);
        await mkdir(folder);
        await measureWay(way, { url: `file://${tree.path}`, tar }, folder, (name, value, output) => {
          note(name, way.name, value);
          const other = outputs.get(name);
          if (other !== undefined && output !== undefined && other !== output)
            throw new Error(`${way.name}: another outcome of ${name}`);
          if (output !== undefined) outputs.set(name, output);
        });
        await rm(folder, { recursive: true });
      }
      for (const [name, mounter] of FIRST_LISTS) {
        const folder = join(root, `${run}-${mounter}`);
        await mkdir(folder);
        note(
          name,
          "mount",
          await firstList({ root: dirname(tree.path), name: basename(tree.path) }, folder, mounter),
        );
        await rm(folder, { recursive: true });
      }
    }
  } finally {
    await rm(root, { recursive: true, force: true });
  }
  const medianOf = (name: string, subject: Way["name"]): number | undefined => {
    const figure = figures.get(`${name} ${subject}`);
    return figure && spreadOf(figure.values).median;
  };
  const rows = [...figures.values()].map(({ name, subject, values }): MountRow => {
    const { boundMs, boundRatio } = boundsOf(name);
    const native = medianOf(name, "clone");
    const relative = boundRatio !== undefined && native !== undefined ? boundRatio * native : undefined;
    const bound = subject === "mount" ? (boundMs ?? relative) : undefined;
    return { case: name, subject, ...spreadOf(values), bound };
  });
  for (const row of rows) {
    const holds = row.bound === undefined ? undefined : row.median <= row.bound;
    const line = JSON.stringify({ ...row, unit: "ms", holds, ...machine });
    if (json === undefined) process.stdout.write(`${line}\n`);
    else appendFileSync(json, `${line}\n`);
  }
  process.stderr.write(`${tableOf(rows)}\n`);
}

function boundsOf(name: string): Pick<Command, "boundMs" | "boundRatio"> {
  if (FIRST_LISTS.some(([first]) => first === name)) return { boundMs: FIRST_LIST_MS };
  return COMMANDS.find((command) => command.name === name) ?? {};
}

/** Begins in one way, and does everything in the tree. */
async function measureWay(
  way: Way,
  { url, tar }: { readonly url: string; readonly tar: string },
  folder: string,
  note: (name: string, value: number, output: string | undefined) => void,
): Promise<void> {
  const startedAt = performance.now();
  const sinceStart = (): number => performance.now() - startedAt;
  await using tree = await way.begin(url, folder);
  const listed = await shell(tree.path, "ls");
  note("first ls, from nothing", sinceStart(), listed);
  const first = await shell(tree.path, "cat src/part-0/module-0/file-0.ts");
  note("first file, from nothing", sinceStart(), first);
  await tree.ready;
  note("git works, from nothing", sinceStart(), undefined);
  for (const { name, run } of COMMANDS) {
    const begunAt = performance.now();
    const output = await shell(tree.path, run, { TAR: tar });
    note(name, performance.now() - begunAt, output.split("\n").toSorted().join("\n"));
  }
}

async function shell(
  folder: string,
  command: string,
  environment: Readonly<Record<string, string>> = {},
): Promise<string> {
  const variables = Object.entries(environment).map(([name, value]) => `${name}=${value}`);
  const { stdout } = await runCommand("env", ["-C", folder, ...variables, "sh", "-c", command]);
  return stdout;
}

function tableOf(rows: readonly MountRow[]): string {
  const names = [...new Set(rows.map((row) => row.case))];
  const head = ["ms", ...ways.map(({ name }) => name)];
  const lines = names.map((name) => [
    name,
    ...ways.map((way) => {
      const row = rows.find((each) => each.case === name && each.subject === way.name);
      if (row === undefined) return "";
      const missed =
        row.bound !== undefined && row.median > row.bound ? `, MISSED ≤ ${row.bound.toFixed(0)}` : "";
      return `${row.median.toFixed(0)} (${row.min.toFixed(0)}–${row.max.toFixed(0)}${missed})`;
    }),
  ]);
  return [head, head.map(() => "---"), ...lines].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}
