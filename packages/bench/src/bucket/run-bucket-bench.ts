import { appendFileSync, writeFileSync } from "node:fs";
import { killAll } from "../process/children.ts";
import { machineFacts } from "../report/machine.ts";
import { openBucketLab } from "./bucket-lab.ts";
import { bucketCases } from "./cases/index.ts";
import { holds, type Row } from "./row.ts";
import type { BucketBenchOptions } from "./schema.ts";
import { markdownTable } from "./table.ts";

/** Runs the cases that are asked for, over a bucket whose every request takes so long, and reports. */
export async function runBucketBench(options: BucketBenchOptions): Promise<void> {
  const { latency, only, json, quick } = options;
  const unknown = only.filter((name) => bucketCases.every((each) => each.name !== name));
  if (unknown.length > 0) {
    const names = bucketCases.map(({ name }) => name).join(", ");
    throw new Error(`there is no case ${unknown.join(", ")}; there are ${names}`);
  }
  const tell = (text: string): void => void process.stderr.write(`${text}\n`);
  if (json !== undefined) writeFileSync(json, "");
  const machine = await machineFacts();
  const rows: Row[] = [];
  await using lab = await openBucketLab({ latencyMs: latency, isQuick: quick });
  try {
    for (const each of bucketCases) {
      if (only.length > 0 && !only.includes(each.name)) continue;
      tell(each.name);
      for await (const row of each.rows(lab)) {
        rows.push(row);
        const line = JSON.stringify({ ...row, holds: holds(row), latencyMs: latency, ...machine });
        if (json === undefined) process.stdout.write(`${line}\n`);
        else appendFileSync(json, `${line}\n`);
      }
    }
  } finally {
    killAll();
  }
  tell(`\n${latency} ms added to each request\n\n${markdownTable(rows)}`);
}
