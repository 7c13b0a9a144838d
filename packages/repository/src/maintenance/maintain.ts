import {
  openPackReader,
  type Oid,
  type OperationOptions,
  oidToBytes,
  type RepackProgress,
  type WorkerPool,
} from "@millrace/pack";
import type {
  MaintainedObject,
  MaintainedPack,
  Maintenance,
  RepositoryStore,
  Snapshot,
} from "@millrace/storage";
import { StorageError } from "@millrace/storage";
import { type SpanHandle, span } from "@millrace/telemetry";
import { type ObjectInfo, ObjectView } from "../objects/object-view.ts";
import type { ObjectCaches, OpenPack, PackSet } from "../objects/pack-set.ts";
import { MaintainOptions } from "../schema.ts";
import { Gathering, type GatheringSources } from "./gathering.ts";
import { type MaintenancePlan, planMaintenance } from "./plan.ts";
import { confirmTips, gatherReached, readTips } from "./reached.ts";
import { chooseKept, findUnreached } from "./unreached.ts";
import { type NewPack, writeNewPack } from "./write-pack.ts";

/** What maintenance works with. */
export interface MaintainContext {
  readonly store: RepositoryStore;
  readonly packs: PackSet;
  readonly caches: ObjectCaches;
  readonly workers: WorkerPool | undefined;
}

export interface MaintainRequest extends MaintainOptions, OperationOptions {
  readonly onProgress?: ((progress: RepackProgress) => void) | undefined;
  /**
   * With `promised`, which of a promisor's objects are left out: they can be fetched again. All its packs become one then.
   * Asked once for each place that an object lies in, and to answer the same each time. Default: none.
   */
  readonly drop?: ((object: ObjectInfo & { readonly oid: Oid }) => boolean) | undefined;
}

/** What maintenance has done, or with `dryRun` would do. */
export interface MaintenanceReport extends MaintenancePlan {
  /** Loose objects that are packed, or dropped. */
  readonly looseCount: number;
  /** Packs that have come, with their objects; none of it in a dry run. */
  readonly created: readonly {
    readonly id: string;
    readonly sizeBytes: number;
    readonly objectCount: number;
  }[];
  /** Deltas in them that were not stored before. */
  readonly newDeltaCount: number;
  /** Ids of packs that are gone. Fewer than were put together, where somebody needed them meanwhile. */
  readonly removed: readonly string[];
  /** Objects that nobody reaches: kept in a pack of their own, since they are young, and dropped, as are those of `drop`. */
  readonly keptCount: number;
  readonly droppedCount: number;
}

const DAY_MS = 24 * 60 * 60 * 1000;
/** As `gc.pruneExpire` has it. */
const DEFAULT_GRACE_MS = 14 * DAY_MS;

/**
 * Tidies a repository up while it is in use: small packs and loose objects become one pack, or all that is reached does.
 * Old packs go when new ones have landed; whoever reads from them reads on.
 * Throws `STORAGE_BUSY`, `STORAGE_UNSUPPORTED`, `REPOSITORY_OBJECT_MISSING` where history is not whole, and what reading
 * throws; nothing is lost then.
 */
export async function maintain(
  context: MaintainContext,
  request: MaintainRequest,
): Promise<MaintenanceReport> {
  const { store } = context;
  const { signal } = request;
  return span("repository.maintain", { backend: store.backend }, async (handle) => {
    const options = { ...request, ...MaintainOptions.parse(request) };
    const { dryRun } = options;
    const begun = await store.beginMaintenance?.({ dryRun, signal });
    if (begun === undefined) {
      throw new StorageError("STORAGE_UNSUPPORTED", `${store.backend} needs no maintenance`, {
        key: store.name,
      });
    }
    try {
      const snapshot = await store.snapshot({ signal });
      try {
        const view = await ObjectView.open(snapshot, context.packs, { signal });
        try {
          const report = await run(context, options, { begun, snapshot, view });
          tell(handle, report);
          return report;
        } finally {
          await view[Symbol.asyncDispose]();
        }
      } finally {
        await snapshot[Symbol.asyncDispose]();
      }
    } finally {
      await begun[Symbol.asyncDispose]();
    }
  });
}

/** The repository as maintenance found it. */
interface Scene {
  readonly begun: Maintenance;
  readonly snapshot: Snapshot;
  readonly view: ObjectView;
}

async function run(
  context: MaintainContext,
  request: MaintainRequest,
  scene: Scene,
): Promise<MaintenanceReport> {
  const { begun, view } = scene;
  const { signal } = request;
  const { dryRun = false, full = false, promised = false, factor } = request;
  const drop = promised ? request.drop : undefined;
  const opened = new Map(view.packs.map((open) => [open.id, open]));
  const packs = (await begun.packs({ signal })).filter(({ id }) => opened.has(id));
  const loose: MaintainedObject[] = [];
  if (!promised) for await (const object of begun.loose({ signal })) loose.push(object);
  const plan = planMaintenance({
    packs: packs.map((pack) => ({
      ...pack,
      stays: pack.stays || (pack.isPromised === true) !== promised,
      objectCount: opened.get(pack.id)!.reader.index.count,
    })),
    looseCount: loose.length,
    full: full || drop !== undefined,
    isPartial: promised,
    isLossy: drop !== undefined,
    factor,
  });
  const nothing = { ...plan, looseCount: loose.length, created: [], newDeltaCount: 0, removed: [] };
  if (plan.kind === "none" || dryRun) return { ...nothing, keptCount: 0, droppedCount: 0 };
  const copies = await copyToDisk(context, plan, opened, signal);
  const parts = partition(plan, packs, copies.packs);
  const looseIds = new Set(loose.map(({ oid }) => oid));
  const sources: GatheringSources = {
    format: view.format,
    snapshot: scene.snapshot,
    joined: parts.joined.map(({ open }) => open),
    // What a promisor has stays known as such, wherever else it is.
    staying: promised ? [] : parts.staying,
    isLoose: (oid) => looseIds.has(oid),
    signal,
  };
  const made: NewPack[] = [];
  try {
    const work = { ...scene, ...parts, sources, loose, made };
    const left =
      plan.kind === "full" ? await repackAll(context, request, work) : await rollUp(context, request, work);
    const result = await context.store.commit(
      {
        add: made.map(({ stage }) => stage),
        promised,
        remove: {
          packs: plan.packs,
          loose: loose.map(({ oid }) => oid),
          isLossy: left.droppedCount > 0,
          confirm: left.confirm,
        },
      },
      { signal },
    );
    return {
      ...nothing,
      created: made.map(({ info, objectCount }) => ({ ...info, objectCount })),
      newDeltaCount: made.reduce((sum, { newDeltaCount }) => sum + newDeltaCount, 0),
      removed: result.removed ?? [],
      keptCount: left.keptCount,
      droppedCount: left.droppedCount,
    };
  } finally {
    for (const { stage } of made) await stage[Symbol.asyncDispose]();
    await copies[Symbol.asyncDispose]();
  }
}

/** Packs that are read whole and in no order lie in files meanwhile, so that threads can read them. */
async function copyToDisk(
  { caches }: MaintainContext,
  plan: MaintenancePlan,
  opened: ReadonlyMap<string, OpenPack>,
  signal: AbortSignal | undefined,
): Promise<{ readonly packs: ReadonlyMap<string, OpenPack> } & AsyncDisposable> {
  const packs = new Map(opened);
  const copies: (() => Promise<void>)[] = [];
  const dispose = async (): Promise<void> => {
    for (const end of copies) await end();
  };
  try {
    for (const id of plan.packs) {
      const open = opened.get(id)!;
      const source = await open.copyToDisk?.({ signal });
      if (source === undefined) continue;
      const reader = openPackReader({ source, index: open.reader.index, ...caches });
      copies.push(async () => {
        reader.release();
        await source[Symbol.asyncDispose]();
      });
      packs.set(id, { ...open, reader });
    }
  } catch (error) {
    await dispose();
    throw error;
  }
  return { packs, [Symbol.asyncDispose]: dispose };
}

interface Parts {
  readonly joined: readonly { readonly open: OpenPack; readonly pack: MaintainedPack }[];
  /** Packs of this repository that nobody may remove meanwhile, and that do not hold what nobody reaches. */
  readonly staying: readonly OpenPack[];
}

function partition(
  plan: MaintenancePlan,
  packs: readonly MaintainedPack[],
  opened: ReadonlyMap<string, OpenPack>,
): Parts {
  const ids = new Set(plan.packs);
  const joined = packs.filter(({ id }) => ids.has(id)).map((pack) => ({ pack, open: opened.get(pack.id)! }));
  const staying = packs
    .filter(({ id, isBorrowed, isCruft }) => !ids.has(id) && !isBorrowed && !isCruft)
    .map(({ id }) => opened.get(id)!);
  return { joined, staying };
}

interface Work extends Scene, Parts {
  readonly sources: GatheringSources;
  readonly loose: readonly MaintainedObject[];
  /** Takes new packs as soon as they are there, so that they are discarded whatever comes. */
  readonly made: NewPack[];
}

/** What is left of what nobody reaches, and whether the old packs may go. */
interface Leavings {
  readonly keptCount: number;
  readonly droppedCount: number;
  readonly confirm?: ((view: Snapshot) => Promise<boolean>) | undefined;
}

/** Puts packs and loose objects together as they are: nothing is looked at for who reaches it, and nothing is lost unasked. */
async function rollUp(context: MaintainContext, request: MaintainRequest, work: Work): Promise<Leavings> {
  const { sources, joined, loose, made } = work;
  const gathering = new Gathering(sources);
  const oid = new Uint8Array(oidBytes(work));
  const drop = request.promised === true ? request.drop : undefined;
  let droppedCount = 0;
  // What came last is asked for first.
  for (const { open } of joined.toSorted((a, b) => b.pack.modifiedMs - a.pack.modifiedMs)) {
    const { index } = open.reader;
    for (const position of index.packOrder()) {
      index.copyOid(position, oid, 0);
      if (drop !== undefined) {
        const info = await open.reader.info(position, { signal: request.signal });
        if (drop({ ...info, oid: index.oidAt(position) })) {
          droppedCount++;
          continue;
        }
      }
      await gathering.take(oid);
    }
  }
  for (const object of loose) await gathering.take(oidToBytes(object.oid));
  if (gathering.count > 0) made.push(await writeNewPack(gathering, { ...context, ...request }));
  return { keptCount: 0, droppedCount };
}

/** Puts all that is reached into one pack, and into another what is not and is young. */
async function repackAll(context: MaintainContext, request: MaintainRequest, work: Work): Promise<Leavings> {
  const { begun, view, snapshot, sources, joined, loose, made } = work;
  const { signal } = request;
  const { graceMs = DEFAULT_GRACE_MS } = request;
  const tips = await readTips(snapshot, begun, view, signal);
  const gathering = new Gathering(sources);
  await gatherReached(gathering, tips, { view, snapshot, signal });
  const isSafe = (oid: Uint8Array): boolean =>
    gathering.table.find(oid) >= 0 || sources.staying.some(({ reader }) => reader.index.find(oid) >= 0);
  const unreached = await findUnreached({ view, joined, loose, isSafe, signal });
  const since = begun.mayDrop ? Math.floor((begun.startedMs - graceMs) / 1000) : -1;
  const kept = await chooseKept(unreached, view, since, signal);
  if (gathering.count > 0) made.push(await writeNewPack(gathering, { ...context, ...request }));
  if (kept.length > 0) {
    const rest = new Gathering(sources);
    for (const number of kept) await rest.take(unreached.table.bytesAt(number).slice());
    const seconds = (number: number): number =>
      unreached.secondsOf(unreached.table.find(rest.table.bytesAt(number)));
    made.push(await writeNewPack(rest, { ...context, ...request, seconds }));
  }
  const droppedCount = unreached.table.size - kept.length;
  const stays = [...made.map(({ index }) => index), ...sources.staying.map(({ reader }) => reader.index)];
  const removed = new Set(joined.map(({ pack }) => pack.id));
  let safe = tips;
  return {
    keptCount: kept.length,
    droppedCount,
    // Asked again since somebody else was quicker, it has only what came with them to look at.
    confirm: async (newest) => {
      const options = { begun, tips: safe, packs: context.packs, stays, removed, loose, signal };
      const confirmed = await confirmTips(newest, options);
      safe = confirmed ?? safe;
      return confirmed !== undefined;
    },
  };
}

function oidBytes({ view }: Scene): number {
  return view.format === "sha1" ? 20 : 32;
}

function tell(handle: SpanHandle<"repository.maintain">, report: MaintenanceReport): void {
  handle.set("kind", report.kind);
  handle.set("joined_count", report.packs.length);
  handle.set(
    "object_count",
    report.created.reduce((sum, { objectCount }) => sum + objectCount, 0),
  );
  handle.set("dropped_count", report.droppedCount);
  handle.set("removed_count", report.removed.length);
}
