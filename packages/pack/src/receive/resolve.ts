import type { LinkStore } from "../graph/link-store.ts";
import { PackError } from "../errors.ts";
import { oidFromBytes } from "../object-id.ts";
import type { RandomAccess } from "../random-access.ts";
import type { PackedObject } from "../read/pack-reader.ts";
import type { Pace } from "../read/pace.ts";
import type { ObjectFormat, Oid } from "../schema.ts";
import type { WorkerPool } from "../workers/worker-pool.ts";
import type { DeltaStore } from "./delta-store.ts";
import { type EntryTable, sizeOfEntry } from "./entry-table.ts";
import { type Families, linkFamilies, takeGroup } from "./families.ts";
import { FamilyResolver } from "./family-resolver.ts";
import { LARGE_BYTES } from "./large-turn.ts";
import type { LinkOutput } from "./link-output.ts";
import type { IntakeOptions, ObjectIntake } from "./object-intake.ts";
import { packedBytesOf } from "./packed-entries.ts";
import type { ResolveBounds } from "./resolve-bounds.ts";
import { resolveOnWorkers } from "./resolve-on-workers.ts";
import type { Workspace } from "./workspace.ts";

/** What resolving deltas needs. */
export interface ResolveOptions extends IntakeOptions {
  readonly format: ObjectFormat;
  readonly workspace: Workspace;
  readonly intake: ObjectIntake;
  readonly links: LinkOutput;
  /** Where links go. */
  readonly linkStore: LinkStore | undefined;
  readonly table: EntryTable;
  readonly deltas: DeltaStore;
  readonly deltaCount: number;
  readonly refCount: number;
  /** The pack as it was spooled. */
  readonly stored: RandomAccess;
  readonly pool: WorkerPool | undefined;
  readonly resolveBase: ((oid: Oid) => Promise<PackedObject | undefined>) | undefined;
  /** Asked before `resolveBase`. */
  readonly sizeOfBase: ((oid: Oid) => Promise<number | undefined>) | undefined;
  readonly bounds: ResolveBounds;
  /** Bytes of bases that are kept while their deltas are worked on. */
  readonly budgetBytes: number;
  readonly pace: Pace;
  readonly signal: AbortSignal | undefined;
  readonly onResolved: (deltas: number) => void;
}

/** Below this much work a worker would only cost time: deltas, and packed bytes of them and their bases. */
const WORKER_DELTAS = 2000;
const WORKER_BYTES = 4 * 1024 * 1024;

/**
 * Resolves every delta of the table, family by family, depth first, and fills in the ids. Answers the bases that came
 * from outside and are not in the pack, in the order in which they are first named.
 * Throws PACK_MISSING_BASE, PACK_BAD_DELTA, PACK_LIMIT_EXCEEDED, PACK_COLLISION, PACK_BAD_OBJECT.
 */
export async function resolveDeltas(options: ResolveOptions): Promise<Oid[]> {
  const { table, refCount, signal } = options;
  const families = linkFamilies(table, refCount);
  let resolved = 0;
  const count = (more: number): void => {
    resolved += more;
    options.onResolved(resolved);
  };
  const { pool } = options;
  const { fd } = options.stored;
  // A thread gives its memory back when it ends, this one keeps it until it is collected.
  const isWorthIt =
    isWorthWorkers(options.deltaCount, table.bodyEnd) ||
    families.roots.some((root) => sizeOfEntry(table, root) > LARGE_BYTES);
  if (pool !== undefined && fd !== undefined && options.visit === undefined && isWorthIt) {
    const work = {
      format: options.format,
      fd,
      columns: table.columns(),
      families,
      slabs: options.deltas.slabs,
      withHashes: true,
      isStored: false,
      detectCollisions: options.detectCollisions,
      bounds: options.bounds,
      budgetBytes: options.budgetBytes,
    };
    const { session, onFindings, linkStore } = options;
    await resolveOnWorkers(pool, work, { session, onFindings, count, takeLinks: linkStore?.add }, signal);
  } else await resolveHere(families, options, count);
  signal?.throwIfAborted();
  await resolveExternals(families, options, count);
  return basesFromOutside(families, options);
}

/** Whether threads would gain time on so many deltas in a pack of so many bytes. */
export function isWorthWorkers(deltaCount: number, packBytes: number): boolean {
  return deltaCount >= WORKER_DELTAS || (deltaCount > 0 && packBytes >= WORKER_BYTES);
}

/** Runs `work` with a resolver on this thread, which gives way to others now and then. */
async function withResolver(
  families: Families,
  options: ResolveOptions,
  count: (resolved: number) => void,
  work: (resolver: FamilyResolver) => Promise<void>,
): Promise<void> {
  const { pace, signal, stored, workspace, intake, links, linkStore, table } = options;
  const packed = packedBytesOf(stored, signal);
  let resolver: FamilyResolver | undefined;
  try {
    resolver = new FamilyResolver({
      workspace,
      columns: table,
      families,
      slabs: options.deltas.slabs,
      packed,
      intake,
      links,
      bounds: options.bounds,
      budgetBytes: options.budgetBytes,
      breathe(resolved) {
        count(resolved);
        return linkStore?.settle() ?? (pace.isDue() ? pace.rest(signal) : undefined);
      },
    });
    await work(resolver);
    await resolver.finish();
  } finally {
    resolver?.giveTurnBack();
    packed.release();
  }
}

function resolveHere(
  families: Families,
  options: ResolveOptions,
  count: (resolved: number) => void,
): Promise<void> {
  return withResolver(families, options, count, async (resolver) => {
    for (const root of families.roots) await resolver.resolveRoot(root);
  });
}

/** Deltas whose base is no object of the pack: the bases are asked for one by one. */
async function resolveExternals(
  families: Families,
  options: ResolveOptions,
  count: (resolved: number) => void,
): Promise<void> {
  const { groups } = families;
  const { table, format, resolveBase, signal } = options;
  if (groups.first.every((first) => first < 0)) return;
  await withResolver(families, options, count, async (resolver) => {
    for (let group = 0; group < groups.count; group++) {
      if (groups.first[group]! < 0) continue;
      const oid = oidFromBytes(groups.keys, group * table.hashBytes, format);
      signal?.throwIfAborted();
      const bytes = (await options.sizeOfBase?.(oid)) ?? 0;
      if (bytes > options.bounds.maxHeldBytes) throw tooLarge(oid, bytes);
      if (bytes > LARGE_BYTES) await resolver.awaitTurn();
      const external = await resolveBase?.(oid);
      if (external === undefined) {
        if (resolveBase === undefined) throw missingBase(oid);
        continue;
      }
      if (external.content.length > options.bounds.maxHeldBytes) throw tooLarge(oid, external.content.length);
      if (external.content.length > LARGE_BYTES) await resolver.awaitTurn();
      await resolver.resolveExternal(external, takeGroup(table, families, group, -1));
    }
  });
}

function basesFromOutside(families: Families, { table, format }: ResolveOptions): Oid[] {
  const { groups } = families;
  const fromOutside: Oid[] = [];
  for (let group = 0; group < groups.count; group++) {
    const oid = oidFromBytes(groups.keys, group * table.hashBytes, format);
    // Still waiting: no object of the pack was it, and nobody else has it; or the group waits for itself.
    if (groups.first[group]! >= 0) throw missingBase(oid);
    if (groups.inPack[group] === 0) fromOutside.push(oid);
  }
  return fromOutside;
}

function tooLarge(oid: Oid, bytes: number): PackError {
  return new PackError("PACK_LIMIT_EXCEEDED", `delta base ${oid} of ${bytes} bytes is over the limit`, {
    oid,
  });
}

function missingBase(oid: Oid): PackError {
  return new PackError(
    "PACK_MISSING_BASE",
    `delta base ${oid} is neither in the pack nor in the repository`,
    { oid },
  );
}
