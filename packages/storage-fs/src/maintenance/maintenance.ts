import { readdir, stat } from "node:fs/promises";
import { join } from "node:path";
import type { OperationOptions } from "@millrace/pack";
import {
  booleanValue,
  lastValue,
  type MaintainedObject,
  type MaintainedPack,
  type Maintenance,
  type MaintenanceOptions,
} from "@millrace/storage";
import { guarded, guardedItems, ifPresent } from "../files/fault.ts";
import type { FsRepository } from "../fs-repository.ts";
import { listLooseObjects } from "../objects/loose-objects.ts";
import { listWorkTrees } from "../refs/work-trees.ts";
import { type GcLock, takeGcLock } from "./gc-lock.ts";
import { reflogTips } from "./reflog-tips.ts";

/** A maintenance with what the store asks of it. */
export interface FsMaintenance extends Maintenance {
  readonly isOver: boolean;
}

/** Begins maintenance under `gc.pid`. Throws `STORAGE_BUSY`. */
export async function beginFsMaintenance(
  repository: FsRepository,
  options: MaintenanceOptions & OperationOptions,
): Promise<FsMaintenance> {
  options.signal?.throwIfAborted();
  const { place, objectFormat } = repository;
  let lock: GcLock | undefined = options.dryRun === true ? undefined : await takeGcLock(repository);
  const startedMs = lock?.takenMs ?? Date.now();
  const objects = join(place.commonDir, "objects");
  let isOver = false;
  const end = async (): Promise<void> => {
    isOver = true;
    const held = lock;
    lock = undefined;
    await held?.release();
  };
  let mayDrop: boolean;
  try {
    mayDrop = await mayDropObjects(repository);
  } catch (error) {
    await end();
    throw error;
  }

  return {
    startedMs,
    mayDrop,
    get isOver() {
      return isOver;
    },
    packs: ({ signal } = {}) =>
      guarded("objects/pack", async () => {
        const packs: MaintainedPack[] = [];
        const names = new Set((await ifPresent(readdir(join(objects, "pack")))) ?? []);
        for (const { id, base, modifiedMs } of await repository.packs.list(
          await repository.objectDirectories(),
          {
            signal,
          },
        )) {
          const isOwn = base.startsWith(join(objects, "pack", "pack-"));
          const name = base.slice(base.lastIndexOf("/") + 1);
          // git leaves alone what is kept, too.
          const stays = !isOwn || names.has(`${name}.keep`);
          packs.push({
            id,
            modifiedMs,
            stays,
            isBorrowed: !isOwn,
            isCruft: isOwn && names.has(`${name}.mtimes`),
            isPromised: names.has(`${name}.promisor`),
          });
        }
        return packs;
      }),
    loose: (query = {}) =>
      guardedItems("objects", async function* (): AsyncGenerator<MaintainedObject> {
        for await (const oid of listLooseObjects([objects], objectFormat, query)) {
          const stats = await ifPresent(stat(join(objects, oid.slice(0, 2), oid.slice(2))));
          if (stats !== undefined) yield { oid, modifiedMs: stats.mtimeMs };
        }
      }),
    moreTips: (query = {}) => guardedItems("logs", () => reflogTips(place, objectFormat, query)),
    [Symbol.asyncDispose]: () => guarded("gc.pid", end),
  };
}

/**
 * Working trees have indexes, whose objects no ref names; promises and borrowers are kept for others. Logs that lie in ref
 * tables are not read.
 */
async function mayDropObjects(repository: FsRepository): Promise<boolean> {
  if (repository.refFormat !== "files") return false;
  const config = await repository.config();
  if (booleanValue(config, "extensions.preciousobjects") === true) return false;
  if (lastValue(config, "extensions.partialclone") !== undefined) return false;
  return (await listWorkTrees(repository)).length === 0;
}
