import { appendFileSync, writeFileSync } from "node:fs";
import { mkdtemp, rm } from "node:fs/promises";
import { tmpdir } from "node:os";
import { join } from "node:path";
import {
  createPromisor,
  type GrepQuery,
  openRemoteSource,
  openTree,
  restore,
  SharedPromisor,
  snapshot,
  type TreeView,
} from "@millrace/promisor";
import { openDirectoryTransport, openRemote } from "@millrace/protocol-v2/client";
import { git } from "../process/git.ts";
import { machineFacts } from "../report/machine.ts";
import type { Spread } from "../statistics.ts";
import { measure } from "./measure.ts";
import { measureReads } from "./read-cases.ts";
import type { ClientBenchOptions } from "./schema.ts";
import { createSourceTree } from "./source-tree.ts";

/** One thing that was measured, in microseconds a file or object. */
interface ClientRow extends Spread {
  readonly case: string;
  readonly subject: "millrace" | "git";
  /** This process's own time, the middle of all runs; not told of git. On a busy machine it is what the work took. */
  readonly cpu?: number | undefined;
  readonly bound?: number | undefined;
}

const FILES = 4600;
const MEAN_BYTES = 18 * 1024;
const PACK_BLOBS = 2000;
const FIRST_BYTES = 1024;

/** What is searched for, and with which of git's options. */
const searches: readonly { name: string; query: GrepQuery; args: readonly string[]; bound: number }[] = [
  { name: "literal", query: { pattern: "useState" }, args: ["-F", "-e", "useState"], bound: 10 },
  { name: "literal, rare", query: { pattern: "nowhere" }, args: ["-F", "-e", "nowhere"], bound: 10 },
  {
    name: "regex, any case",
    query: { pattern: /todo|fixme/, ignoreCase: true },
    args: ["-E", "-i", "-e", "todo|fixme"],
    bound: 25,
  },
];

/** Measures walks and searches of a tree that is here, `git grep` beside it, and packs taken apart; and reports. */
export async function runClientBench({ runs, json, quick }: ClientBenchOptions): Promise<void> {
  if (json !== undefined) writeFileSync(json, "");
  const machine = await machineFacts();
  const rows: ClientRow[] = [];
  const root = await mkdtemp(join(tmpdir(), "millrace-bench-"));
  const times = quick ? 1 : runs;
  const note = (row: ClientRow): void => {
    rows.push(row);
    const holds = row.bound === undefined ? undefined : row.median <= row.bound;
    const line = JSON.stringify({ ...row, unit: "µs", holds, ...machine });
    if (json === undefined) process.stdout.write(`${line}\n`);
    else appendFileSync(json, `${line}\n`);
  };
  try {
    const tree = await createSourceTree(root, quick ? 200 : FILES, MEAN_BYTES);
    await using remote = openRemote(openDirectoryTransport(tree.path));
    const none = await createPromisor(openRemoteSource(remote));
    const objects = new SharedPromisor(none);
    const view = await openTree({ objects, refs: remote }, "main");
    await view.prefetch();

    const perFile = tree.fileCount;
    note({
      case: "walk",
      subject: "millrace",
      ...(await measure(times, perFile, () => walk(view))),
      bound: 2,
    });
    for (const { name, query, args, bound } of searches) {
      const ours = await measure(times, perFile, () => countHits(view, query));
      note({ case: `grep, ${name}`, subject: "millrace", ...ours, bound });
      const theirs = await measure(Math.min(times, 5), perFile, async () => {
        // It answers 1 where it finds nothing.
        const found = await git(tree.path, ["grep", "-n", "-I", ...args, "main"]).catch(() => "");
        return found === "" ? 0 : found.split("\n").length;
      });
      note({ case: `grep, ${name}`, subject: "git", ...theirs, cpu: undefined });
      if (ours.result !== theirs.result)
        throw new Error(`${ours.result} hits of "${name}", git has ${theirs.result}`);
    }

    const blobs = Array.from({ length: quick ? 100 : PACK_BLOBS }, (_, i) => ({
      type: "blob" as const,
      content: Buffer.alloc(FIRST_BYTES, `${i} of some blobs\n`),
    }));
    const chunks: Uint8Array[] = [];
    for await (const chunk of snapshot(none.importObjects(blobs))) chunks.push(chunk.slice());
    const parse = async (): Promise<number> => {
      const taken = await restore(
        none,
        (async function* () {
          yield* chunks;
        })(),
      );
      return taken.objectCount;
    };
    note({
      case: `pack of ${blobs.length} blobs of 1 KiB`,
      subject: "millrace",
      ...(await measure(times, blobs.length, parse)),
      // Two thousand in five seconds.
      bound: 2500,
    });
    for (const row of await measureReads(times)) note({ subject: "millrace", ...row });
  } finally {
    await rm(root, { recursive: true, force: true });
  }
  process.stderr.write(`${tableOf(rows)}\n`);
}

async function walk(view: TreeView): Promise<number> {
  let count = 0;
  for await (const files of view.walk()) count += files.length;
  return count;
}

async function countHits(view: TreeView, query: GrepQuery): Promise<number> {
  let count = 0;
  for await (const _ of view.grep(query)) count++;
  return count;
}

function tableOf(rows: readonly ClientRow[]): string {
  const head = ["case", "who", "µs each", "from–to", "processor", "bound", ""];
  const lines = rows.map(({ case: name, subject, min, median, max, cpu, bound }) => [
    name,
    subject,
    median.toFixed(2),
    `${min.toFixed(2)}–${max.toFixed(2)}`,
    cpu?.toFixed(2) ?? "",
    bound === undefined ? "" : `≤ ${bound}`,
    bound !== undefined && median > bound ? "MISSED" : "",
  ]);
  return [head, head.map(() => "---"), ...lines].map((cells) => `| ${cells.join(" | ")} |`).join("\n");
}
