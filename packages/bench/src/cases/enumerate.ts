import { readFile } from "node:fs/promises";
import { join } from "node:path";
import type { BenchCase, Subject } from "../bench-case.ts";
import { mebibytes, type Sample } from "../figures.ts";
import type { Lab } from "../lab.ts";
import { millraceEnvironment, program } from "../millrace.ts";
import { gitEnvironment } from "@millrace/scenarios/git";
import { git } from "../process/git.ts";
import { type CommandRun, runCommand } from "../process/run-command.ts";
import type { EnumerationOrder, EnumerationReport } from "../subjects/enumeration-report.ts";

/** Every object that the refs reach, against `git rev-list --objects --all`; the sets must be equal. */
export const enumerateCase: BenchCase = {
  name: "enumerate",
  async *contests(lab) {
    // Compares what is found without a graph and, since the first process leaves one behind, with one.
    const kept = await lab.folder("graphs");
    for (const buildGraphs of [false, true, false])
      await compareSets(lab, { cacheFolder: kept, buildGraphs });
    yield {
      name: "everything",
      subjects: [
        byGit(lab),
        byUs(lab, "millrace", {
          note: "a fresh process that knows nothing of the pack but git's bitmap, its start included",
          calls: 1,
          buildGraphs: false,
        }),
        byUs(lab, "millrace, building the graph", {
          note: "a fresh process that builds the graph first, both included",
          calls: 1,
          buildGraphs: true,
        }),
        byUs(lab, "millrace, second call", { note: "the same process again", calls: 2, buildGraphs: true }),
        byUs(lab, "millrace, from the sidecar", {
          note: "a fresh process that finds the graph on the disk, its start not included",
          calls: 1,
          buildGraphs: false,
          cacheFolder: kept,
        }),
      ],
    };
  },
};

interface Way extends Pick<EnumerationOrder, "calls" | "buildGraphs"> {
  readonly note: string;
  /** Default: a new one each time. */
  readonly cacheFolder?: string | undefined;
}

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

function byUs(lab: Lab, name: string, { note, calls, buildGraphs, cacheFolder }: Way): Subject {
  return {
    name,
    note,
    async measure(): Promise<Sample> {
      const folder = cacheFolder ?? (await lab.folder("graphs"));
      const { run, report } = await enumerate(lab, { cacheFolder: folder, calls, buildGraphs });
      const startsCold = calls === 1 && cacheFolder === undefined;
      return {
        wall: startsCold ? run.wallSeconds : (report.seconds.at(-1) ?? Number.NaN),
        ...(startsCold ? { cpu: run.cpuSeconds, peakMemory: mebibytes(run.peakBytes) } : {}),
      };
    },
  };
}

async function enumerate(
  lab: Lab,
  order: Omit<EnumerationOrder, "path">,
): Promise<{ run: CommandRun; report: EnumerationReport }> {
  const json = JSON.stringify({ ...order, path: lab.repository.path } satisfies EnumerationOrder);
  const run = await runCommand(process.execPath, [program("enumerate"), json], {
    env: millraceEnvironment(await lab.home()),
  });
  return { run, report: JSON.parse(run.stdout) as EnumerationReport };
}

/** The same objects, each once, in whatever order. */
async function compareSets(
  lab: Lab,
  order: Pick<EnumerationOrder, "cacheFolder" | "buildGraphs">,
): Promise<void> {
  const list = join(await lab.folder("enumerate"), "oids");
  await enumerate(lab, { ...order, calls: 1, list });
  const byUs = (await readFile(list, "utf8")).trimEnd().split("\n").sort();
  const listed = await git(lab.repository.path, ["rev-list", "--objects", "--no-object-names", "--all"]);
  const byThem = listed.split("\n").sort();
  if (byUs.length !== byThem.length || byUs.some((oid, i) => oid !== byThem[i])) {
    throw new Error(
      `enumerate: ${byUs.length} objects found that are not the ${byThem.length} that git finds`,
    );
  }
}
