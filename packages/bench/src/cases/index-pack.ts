import { readFile, readdir, rm } from "node:fs/promises";
import { join } from "node:path";
import type { BenchCase, Subject } from "../bench-case.ts";
import { mebibytes, type Sample } from "../figures.ts";
import type { Lab } from "../lab.ts";
import {
  indexPackNote,
  type IndexPackVariant,
  indexPackVariants,
  millraceEnvironment,
  program,
} from "../millrace.ts";
import { gitEnvironment } from "@millrace/scenarios/git";
import { type CommandRun, runCommand } from "../process/run-command.ts";
import { initBare } from "../repositories/init-bare.ts";

/** A pack on standard input to a pack with its index on the disk, in a fresh process. */
export const indexPackCase: BenchCase = {
  name: "index-pack",
  async *contests(lab) {
    for (const threads of [1, 2]) {
      const subjects = indexPackVariants(threads).map((variant) => byUs(lab, variant));
      for (const subject of subjects) await compareIndexes(lab, subject);
      yield {
        name: threads === 1 ? "1 thread" : `${threads} threads`,
        subjects: [byGit(lab, threads), ...subjects],
      };
    }
  },
};

interface IndexingSubject extends Subject {
  /** Indexes into an empty folder. */
  index(folder: string): Promise<CommandRun>;
}

function byGit(lab: Lab, threads: number): IndexingSubject {
  return indexing(lab, "git", "no fsck", async (folder) => {
    await initBare(folder);
    return runCommand("git", ["index-pack", "--stdin", `--threads=${threads}`], {
      cwd: folder,
      env: gitEnvironment,
      stdin: lab.repository.packPath,
    });
  });
}

function byUs(lab: Lab, { name, settings }: IndexPackVariant): IndexingSubject {
  return indexing(lab, name, indexPackNote(settings), async (folder) =>
    runCommand(process.execPath, [program("index-pack"), folder, JSON.stringify(settings)], {
      env: millraceEnvironment(await lab.home()),
      stdin: lab.repository.packPath,
    }),
  );
}

function indexing(
  lab: Lab,
  name: string,
  note: string | undefined,
  index: IndexingSubject["index"],
): IndexingSubject {
  return {
    name,
    note,
    index,
    async measure(): Promise<Sample> {
      const folder = await lab.folder("index-pack");
      const { wallSeconds, cpuSeconds, peakBytes } = await index(folder);
      await rm(folder, { recursive: true });
      return { wall: wallSeconds, cpu: cpuSeconds, peakMemory: mebibytes(peakBytes) };
    },
  };
}

/** An index that differs from git's would make the race worthless. */
async function compareIndexes(lab: Lab, subject: IndexingSubject): Promise<void> {
  const [ourFolder, gitFolder] = [await lab.folder("index-pack"), await lab.folder("index-pack")];
  await subject.index(ourFolder);
  await byGit(lab, 2).index(gitFolder);
  const packs = join(gitFolder, "objects/pack");
  const idx = (await readdir(packs)).find((name) => name.endsWith(".idx")) ?? "";
  const [byUs, byThem] = [await readFile(join(ourFolder, "new.idx")), await readFile(join(packs, idx))];
  if (!byUs.equals(byThem)) throw new Error(`${subject.name}: the index is not the one git writes`);
  await rm(ourFolder, { recursive: true });
  await rm(gitFolder, { recursive: true });
}
