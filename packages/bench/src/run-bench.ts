import { appendFileSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { mkdir } from "node:fs/promises";
import { tmpdir } from "node:os";
import { basename, join } from "node:path";
import { benchCases } from "./cases/index.ts";
import { createLab, warmFile } from "./lab.ts";
import { killAll } from "./process/children.ts";
import { generateRepository, historyShape } from "./repositories/generate.ts";
import { copyRepository, type MeasuredRepository } from "./repositories/measured-repository.ts";
import { jsonLine } from "./report/json-line.ts";
import { machineFacts } from "./report/machine.ts";
import { writeReadmeTable } from "./report/readme-table.ts";
import { repositoryLine } from "./report/texts.ts";
import { textTable } from "./report/text-table.ts";
import { type Result, runContest } from "./run-contest.ts";
import type { BenchOptions } from "./schema.ts";

/** Above this load average something else is at work. */
const QUIET_LOAD = 0.7;

/** Runs the cases that are asked for and reports. Whatever it makes is removed, also when it is interrupted. */
export async function runBench(options: BenchOptions): Promise<void> {
  const unknown = options.only.filter((name) => benchCases.every((each) => each.name !== name));
  if (unknown.length > 0) {
    const names = benchCases.map(({ name }) => name).join(", ");
    throw new Error(`there is no case ${unknown.join(", ")}; there are ${names}`);
  }
  const scratch = mkdtempSync(join(tmpdir(), "millrace-bench-"));
  const cleanUp = (): void => {
    killAll();
    rmSync(scratch, { recursive: true, force: true, maxRetries: 5, retryDelay: 100 });
  };
  const stop = (): never => {
    cleanUp();
    process.exit(130);
  };
  for (const signal of ["SIGINT", "SIGTERM", "SIGHUP"] as const) process.once(signal, stop);
  try {
    await measure(options, scratch);
  } finally {
    cleanUp();
  }
}

async function measure(options: BenchOptions, scratch: string): Promise<void> {
  const tell = (text: string): void => void process.stderr.write(`${text}\n`);
  const print = (line: string): void => {
    if (options.json === undefined) process.stdout.write(`${line}\n`);
    else appendFileSync(options.json, `${line}\n`);
  };
  if (options.json !== undefined) writeFileSync(options.json, "");
  if (options.profile !== undefined) await mkdir(options.profile, { recursive: true });
  const machine = await machineFacts();
  if (machine.load > QUIET_LOAD)
    tell(`this machine is busy (load ${machine.load}): times will tell of that too`);
  const repository = await prepareRepository(options, join(scratch, "served"), tell);
  await warmFile(repository.packPath);
  const lab = createLab({ scratch, repository, quick: options.quick, profile: options.profile });
  const results: Result[] = [];
  for (const { name, contests } of benchCases) {
    if (options.only.length > 0 && !options.only.includes(name)) continue;
    for await (const contest of contests(lab)) {
      const found = await runContest(name, contest, options.quick ? 1 : options.runs, tell);
      for (const result of found) print(jsonLine(result, machine, repository.facts));
      results.push(...found);
    }
  }
  const where = repositoryLine(repository.facts, machine);
  process.stdout.write(`\n${where}\n\n${textTable(results)}\n`);
  if (options.readme) await writeReadmeTable(results, where);
}

async function prepareRepository(
  { repo, label, generate }: BenchOptions,
  root: string,
  tell: (text: string) => void,
): Promise<MeasuredRepository> {
  await mkdir(root);
  const path = join(root, "repository.git");
  if (repo !== undefined) {
    tell(`copying and packing ${repo}`);
    return copyRepository(repo, path, label ?? basename(repo));
  }
  tell(`generating a repository: ${generate}`);
  return generateRepository(path, label ?? `generated, ${generate}`, historyShape(generate));
}
