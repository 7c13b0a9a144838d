import { availableParallelism } from "node:os";
import { resolve } from "node:path";
import { createWorkerPool, type WorkerPool } from "@millrace/pack";
import {
  createObjectCaches,
  type MaintainRequest,
  type MaintenanceReport,
  openRepository,
} from "@millrace/repository";
import {
  integerValue,
  type RepositoryStore,
  type Storage,
  StorageError,
  type SweepReport,
} from "@millrace/storage";
import { openFsStorage } from "@millrace/storage-fs";
import { z } from "zod";
import { chooseCacheFolder } from "../cache-folder.ts";

/** The command line of `millrace maintain`, as text. */
export interface MaintainFlags {
  readonly root?: string | undefined;
  /** A bucket instead of `root`. */
  readonly store?: string | undefined;
  readonly endpoint?: string | undefined;
  readonly repository?: string | undefined;
  readonly full?: boolean | undefined;
  readonly auto?: boolean | undefined;
  readonly dryRun?: boolean | undefined;
  /** Days. */
  readonly grace?: string | undefined;
  readonly threads?: string | undefined;
  /** A folder; `false` for none; absent for where the user's caches lie. */
  readonly cacheDir?: string | false | undefined;
}

const Flags = z
  .object({
    root: z.string().min(1).optional(),
    store: z.string().optional(),
    endpoint: z.url().optional(),
    repository: z.string().min(1).optional(),
    full: z.boolean().optional(),
    auto: z.boolean().optional(),
    dryRun: z.boolean().optional(),
    grace: z.coerce.number().nonnegative().optional(),
    threads: z.coerce.number().int().positive().optional(),
    cacheDir: z.union([z.string().min(1), z.literal(false)]).optional(),
  })
  .refine(({ root, store }) => (root === undefined) !== (store === undefined), "say --root or --store");
type Flags = z.infer<typeof Flags>;

const DAY_MS = 24 * 60 * 60 * 1000;

/**
 * Tidies up one repository of a folder or a bucket, or all of them one after another and then what belongs to none, and
 * tells of each in a line. SIGINT and SIGTERM end it: what is under way is left as it was. Answers the exit status: 1 where
 * something could not be tidied up.
 */
export async function maintain(asked: MaintainFlags): Promise<number> {
  const flags = Flags.parse(asked);
  const { repository, full, auto = false, dryRun = false, grace, threads } = flags;
  const ending = new AbortController();
  const { signal } = ending;
  for (const name of ["SIGINT", "SIGTERM"] as const) process.once(name, () => ending.abort(new Error(name)));
  const storage = await openStorage(flags);
  const workers = createWorkerPool({ threads: threads ?? availableParallelism() });
  const graceMs = grace === undefined ? undefined : grace * DAY_MS;
  let status = 0;
  /** What is told of it goes to standard output, and to standard error where it fails. */
  const tell = async (name: string, work: () => Promise<string | undefined>): Promise<void> => {
    try {
      const text = await work();
      if (text !== undefined) process.stdout.write(`${name}: ${text}\n`);
    } catch (error) {
      if (auto && isBusy(error)) return;
      status = 1;
      process.stderr.write(`error: ${name}: ${error instanceof Error ? error.message : String(error)}\n`);
    }
  };
  try {
    // Where repositories lie as git lays them out there is nothing to put together, only uploads to give up.
    const isKept = storage.capabilities.maintenance === true;
    if (!isKept && storage.sweep === undefined) throw new Error(`${storage.backend} needs no maintenance`);
    const names = repository === undefined ? storage.list({ signal }) : [repository];
    for await (const name of isKept ? names : []) {
      await tell(name, async () => {
        const report = await maintainOne(storage, name, workers, { full, dryRun, graceMs, auto, signal });
        return report === undefined ? undefined : describe(report, dryRun);
      });
      if (signal.aborted) return status;
    }
    if (storage.sweep === undefined) return status;
    await tell(flags.store ?? storage.backend, async () => {
      const report = await storage.sweep?.({ repository, dryRun, signal });
      return report === undefined ? undefined : describeSweep(report, dryRun);
    });
  } finally {
    await workers[Symbol.asyncDispose]();
    await storage[Symbol.asyncDispose]();
  }
  return status;
}

async function openStorage({ root, store, endpoint, cacheDir }: Flags): Promise<Storage> {
  const cacheFolder = chooseCacheFolder(cacheDir, process.env);
  if (store !== undefined) {
    const { openBucketStore } = await import("@millrace/storage-s3");
    return openBucketStore({ store, endpoint }, cacheFolder, process.env);
  }
  return openFsStorage({ root: resolve(root ?? "."), cacheFolder });
}

/** `undefined` where the repository is set not to be tidied up by itself, and was to be. */
async function maintainOne(
  storage: Storage,
  name: string,
  workers: WorkerPool,
  { auto, ...request }: MaintainRequest & { readonly auto: boolean },
): Promise<MaintenanceReport | undefined> {
  const store = await storage.open(name);
  try {
    if (auto && (await isLeftAlone(store))) return undefined;
    const repository = openRepository(store, { caches: createObjectCaches(), workers });
    try {
      return await repository.maintain(request);
    } finally {
      await repository[Symbol.asyncDispose]();
    }
  } finally {
    await store[Symbol.asyncDispose]();
  }
}

/** As `git gc --auto` has it. */
async function isLeftAlone(store: RepositoryStore): Promise<boolean> {
  const view = await store.snapshot();
  try {
    return integerValue(await view.config(), "gc.auto") === 0;
  } finally {
    await view[Symbol.asyncDispose]();
  }
}

function isBusy(error: unknown): boolean {
  return error instanceof StorageError && error.code === "STORAGE_BUSY";
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

function describeSweep(report: SweepReport, isDryRun: boolean): string {
  const { removedCount, removedBytes, orphanCount, orphanBytes, uploadCount } = report;
  const parts = [
    ...(removedCount > 0 ? [`${count(removedCount, "file")} put aside, ${removedBytes} bytes`] : []),
    ...(orphanCount > 0 ? [`${count(orphanCount, "file")} of nobody, ${orphanBytes} bytes`] : []),
    ...(uploadCount > 0 ? [count(uploadCount, "unfinished upload")] : []),
  ];
  if (parts.length === 0) return "nothing to sweep";
  return `${isDryRun ? "would sweep" : "swept"} ${parts.join("; ")}`;
}

function count(number: number, what: string): string {
  return `${number} ${what}${number === 1 ? "" : "s"}`;
}
