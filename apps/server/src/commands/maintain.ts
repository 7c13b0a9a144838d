import { resolve } from "node:path";
import { availableParallelism } from "node:os";
import { createWorkerPool, type WorkerPool } from "@millrace/pack";
import {
  createObjectCaches,
  type MaintainOptions,
  type MaintenanceReport,
  openRepository,
} from "@millrace/repository";
import type { Storage } from "@millrace/storage";
import { openFsStorage } from "@millrace/storage-fs";
import { z } from "zod";
import { chooseCacheFolder } from "../cache-folder.ts";

/** The command line of `millrace maintain`, as text. */
export interface MaintainFlags {
  readonly root: string;
  readonly repository?: string | undefined;
  readonly full?: boolean | undefined;
  readonly dryRun?: boolean | undefined;
  /** Days. */
  readonly grace?: string | undefined;
  readonly threads?: string | undefined;
  /** A folder; `false` for none; absent for where the user's caches lie. */
  readonly cacheDir?: string | false | undefined;
}

const Flags = z.object({
  root: z.string().min(1),
  repository: z.string().min(1).optional(),
  full: z.boolean().optional(),
  dryRun: z.boolean().optional(),
  grace: z.coerce.number().nonnegative().optional(),
  threads: z.coerce.number().int().positive().optional(),
  cacheDir: z.union([z.string().min(1), z.literal(false)]).optional(),
});

const DAY_MS = 24 * 60 * 60 * 1000;

/**
 * Tidies up one repository of a folder, or all of them one after another, and tells of each in a line. Answers the exit
 * status: 1 where one could not be tidied up.
 */
export async function maintain(flags: MaintainFlags): Promise<number> {
  const { root, repository, full, dryRun, grace, threads, cacheDir } = Flags.parse(flags);
  const storage = openFsStorage({
    root: resolve(root),
    cacheFolder: chooseCacheFolder(cacheDir, process.env),
  });
  const workers = createWorkerPool({ threads: threads ?? availableParallelism() });
  const options: MaintainOptions = {
    full,
    dryRun,
    graceMs: grace === undefined ? undefined : grace * DAY_MS,
  };
  let status = 0;
  try {
    const names = repository === undefined ? storage.list() : [repository];
    for await (const name of names) {
      try {
        const report = await maintainOne(storage, name, workers, options);
        process.stdout.write(`${name}: ${describe(report, dryRun === true)}\n`);
      } catch (error) {
        status = 1;
        process.stderr.write(`error: ${name}: ${error instanceof Error ? error.message : String(error)}\n`);
      }
    }
  } finally {
    await workers[Symbol.asyncDispose]();
    await storage[Symbol.asyncDispose]();
  }
  return status;
}

async function maintainOne(
  storage: Storage,
  name: string,
  workers: WorkerPool,
  options: MaintainOptions,
): Promise<MaintenanceReport> {
  const store = await storage.open(name);
  try {
    const repository = openRepository(store, { caches: createObjectCaches(), workers });
    try {
      return await repository.maintain(options);
    } finally {
      await repository[Symbol.asyncDispose]();
    }
  } finally {
    await store[Symbol.asyncDispose]();
  }
}

function describe(report: MaintenanceReport, isDryRun: boolean): string {
  const { kind, packs, looseCount, created, removed, keptCount, droppedCount, newDeltaCount } = report;
  if (kind === "none") return "nothing to do";
  const given = `${kind} of ${count(packs.length, "pack")} and ${count(looseCount, "loose object")}`;
  if (isDryRun) return `would do a ${given}`;
  const parts = created.map(
    ({ id, objectCount, sizeBytes }) => `pack ${id} of ${count(objectCount, "object")}, ${sizeBytes} bytes`,
  );
  const rest = [
    ...parts,
    count(newDeltaCount, "new delta"),
    `${count(removed.length, "pack")} removed`,
    ...(keptCount > 0 ? [`${count(keptCount, "object")} that nobody reaches kept`] : []),
    ...(droppedCount > 0 ? [`${count(droppedCount, "object")} dropped`] : []),
  ];
  return `${given}: ${rest.join("; ")}`;
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? "" : "s"}`;
}
