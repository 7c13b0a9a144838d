import { appendFileSync, writeFileSync } from "node:fs";
import { mkdir, mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createSourceTree } from "../client/source-tree.ts";
import { runCommand } from "../process/run-command.ts";
import { machineFacts } from "../report/machine.ts";
import { type Spread, spreadOf } from "../statistics.ts";
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

/** Commands that are run in a tree one after the other, each as soon as the one before has ended. */
const COMMANDS: readonly { readonly name: string; readonly run: string }[] = [
  { name: "ls -R", run: "ls -R" },
  { name: "find", run: "find . -path ./.git -prune -o -type f -print" },
  { name: "find, again", run: "find . -path ./.git -prune -o -type f -print" },
  { name: "git status", run: "git -c core.fsmonitor=false status --porcelain" },
  { name: "git status, warm", run: "git -c core.fsmonitor=false status --porcelain" },
  { name: "grep -r", run: "grep -rlF --exclude-dir=.git useState ." },
  { name: "grep -r, warm", run: "grep -rlF --exclude-dir=.git useState ." },
];
/** Milliseconds that a mount may take. */
const BOUNDS: Readonly<Record<string, number>> = { "git status, warm": 100 };

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
    for (let run = 0; run < (quick ? 1 : runs); run++) {
      const outputs = new Map<string, string>();
      // Side by side: what else the machine does meets all of them.
      for (const way of ways) {
        const folder = join(root, `${run}-${ways.indexOf(way)}`);
        await mkdir(folder);
        await measureWay(way, `file://${tree.path}`, folder, (name, value, output) => {
          note(name, way.name, value);
          const other = outputs.get(name);
          if (other !== undefined && output !== undefined && other !== output)
            throw new Error(`${way.name}: another outcome of ${name}`);
          if (output !== undefined) outputs.set(name, output);
        });
        await rm(folder, { recursive: true });
      }
    }
  } finally {
    await rm(root, { recursive: true, force: true });
  }
  const rows = [...figures.values()].map(({ name, subject, values }): MountRow => {
    const bound = subject === "mount" ? BOUNDS[name] : undefined;
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

/** Begins in one way, and does everything in the tree. */
async function measureWay(
  way: Way,
  url: string,
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
    const output = await shell(tree.path, run);
    note(name, performance.now() - begunAt, output.split("\n").toSorted().join("\n"));
  }
}

async function shell(folder: string, command: string): Promise<string> {
  const { stdout } = await runCommand("env", ["-C", folder, "sh", "-c", command]);
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
      const missed = row.bound !== undefined && row.median > row.bound ? `, MISSED ≤ ${row.bound}` : "";
      return `${row.median.toFixed(0)} (${row.min.toFixed(0)}–${row.max.toFixed(0)}${missed})`;
    }),
  ]);
  return [head, head.map(() => "---"), ...lines].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}
