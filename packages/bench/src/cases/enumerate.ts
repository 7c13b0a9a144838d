import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { BenchCase, Subject } from "../bench-case.ts";
import { mebibytes, type Sample } from "../figures.ts";
import type { Lab } from "../lab.ts";
import { millraceEnvironment, program } from "../millrace.ts";
import { git, gitEnvironment } from "../process/git.ts";
import { type CommandRun, runCommand } from "../process/run-command.ts";
import type { EnumerationReport } from "../subjects/enumeration-report.ts";

/** Every object that the refs reach, against `git rev-list --objects --all`; the sets must be equal. */
export const enumerateCase: BenchCase = {
  name: "enumerate",
  async *contests(lab) {
    await compareSets(lab);
    yield {
      name: "everything",
      subjects: [
        byGit(lab),
        byUs(lab, "millrace", "a fresh process, its start included; memory of nothing", 1),
        byUs(lab, "millrace, second call", "the same process again", 2),
      ],
    };
  },
};

function byGit({ repository }: Lab): Subject {
  return {
    name: "git",
    async measure() {
      const run = await runCommand("git", ["rev-list", "--objects", "--all"], {
        cwd: repository.path,
        env: gitEnvironment,
        discard: true,
      });
      return { wall: run.wallSeconds, cpu: run.cpuSeconds, peakMemory: mebibytes(run.peakBytes) };
    },
  };
}

function byUs(lab: Lab, name: string, note: string, calls: number): Subject {
  return {
    name,
    note,
    async measure(): Promise<Sample> {
      const run = await enumerate(lab, [String(calls)]);
      const { seconds } = JSON.parse(run.stdout) as EnumerationReport;
      if (calls > 1) return { wall: seconds.at(-1) ?? Number.NaN };
      return { wall: run.wallSeconds, cpu: run.cpuSeconds, peakMemory: mebibytes(run.peakBytes) };
    },
  };
}

async function enumerate(lab: Lab, args: readonly string[]): Promise<CommandRun> {
  return runCommand(process.execPath, [program("enumerate"), lab.repository.path, ...args], {
    env: millraceEnvironment(await lab.home()),
  });
}

/** The same objects, each once, in whatever order. */
async function compareSets(lab: Lab): Promise<void> {
  const list = join(await lab.folder("enumerate"), "oids");
  await enumerate(lab, ["1", list]);
  const byUs = (await readFile(list, "utf8")).trimEnd().split("\n").sort();
  const listed = await git(lab.repository.path, ["rev-list", "--objects", "--no-object-names", "--all"]);
  const byThem = listed.split("\n").sort();
  if (byUs.length !== byThem.length || byUs.some((oid, i) => oid !== byThem[i])) {
    throw new Error(
      `enumerate: ${byUs.length} objects found that are not the ${byThem.length} that git finds`,
    );
  }
}
