import type { PackIndex } from "../index-file/pack-index.ts";
import type { OperationOptions, RandomAccess } from "../random-access.ts";
import { createPace, type Pace } from "../read/pace.ts";
import { type EntryTable, sizeOfEntry } from "../receive/entry-table.ts";
import { measureBlobs } from "../receive/delta-sizes.ts";
import { type Families, linkFamilies } from "../receive/families.ts";
import { FamilyResolver } from "../receive/family-resolver.ts";
import { LinkOutput } from "../receive/link-output.ts";
import { NO_INTAKE } from "../receive/object-intake.ts";
import { packedBytesOf } from "../receive/packed-entries.ts";
import { storedBounds } from "../receive/resolve-bounds.ts";
import { resolveOnWorkers } from "../receive/resolve-on-workers.ts";
import { readStoredTable } from "../receive/stored-table.ts";
import { returnWorkspace, takeWorkspace } from "../receive/workspace.ts";
import { KIND_BLOB, KIND_OFS_DELTA } from "../scan/pack-entry.ts";
import type { WorkerPool } from "../workers/worker-pool.ts";
import { buildPackGraph } from "./build-graph.ts";
import type { LinkFragment } from "./link-fragment.ts";
import type { PackGraph } from "./pack-graph.ts";

/** How a graph is read. */
export interface ReadGraphOptions extends OperationOptions {
  /** Threads for larger packs whose source can be read by `fd`. */
  readonly pool?: WorkerPool | undefined;
}

const BUDGET_BYTES = 32 * 1024 * 1024;
const MAX_OBJECT_BYTES = 512 * 1024 * 1024;
/** Entries measured between two looks at the clock. */
const MEASURED = 256;
/** Families that make a thread worth its while. */
const WORKER_ROOTS = 1000;

/**
 * Builds the graph of a stored pack: reads its commits, trees and tags once, family by family, and of trees that are
 * deltas only what the delta has changed; of blobs only their sizes. The work gives way every few milliseconds.
 * Throws PACK_BAD_GRAPH, what reading throws, and `signal.reason`.
 */
export async function readPackGraph(
  pack: { readonly source: RandomAccess; readonly index: PackIndex },
  options: ReadGraphOptions = {},
): Promise<PackGraph> {
  const { source, index } = pack;
  const { signal } = options;
  const pace = createPace();
  const table = await readStoredTable(source, index, pace, signal);
  const families = withoutBlobs(table, linkFamilies(table, 0));
  const fragments = await readLinks(source, index, table, families, pace, options);
  const { types, oids, hashBytes } = table;
  return buildPackGraph({
    format: index.format,
    packChecksum: index.packChecksum,
    types: types.subarray(0, index.count),
    sizes: sizesOf(table),
    oids: oids.subarray(0, index.count * hashBytes),
    fragments,
    signal,
  });
}

/** The families of commits, trees and tags, those of one object too. */
function withoutBlobs(table: EntryTable, families: Families): Families {
  const isRoot = (entry: number): boolean =>
    table.kinds[entry]! < KIND_OFS_DELTA && table.kinds[entry] !== KIND_BLOB;
  const large = families.roots.filter(isRoot);
  const single: number[] = [];
  for (let entry = 0; entry < table.count; entry++) {
    if (isRoot(entry) && families.firstChild[entry]! < 0) single.push(entry);
  }
  const roots = new Int32Array(new SharedArrayBuffer((large.length + single.length) * 4));
  roots.set(large);
  roots.set(single, large.length);
  return { ...families, roots };
}

async function readLinks(
  source: RandomAccess,
  index: PackIndex,
  table: EntryTable,
  families: Families,
  pace: Pace,
  { pool, signal }: ReadGraphOptions,
): Promise<LinkFragment[]> {
  const { format } = index;
  const fragments: LinkFragment[] = [];
  const takeLinks = (fragment: LinkFragment): void => void fragments.push(fragment);
  const limits = { bounds: storedBounds(MAX_OBJECT_BYTES), budgetBytes: BUDGET_BYTES };
  if (pool !== undefined && source.fd !== undefined && families.roots.length >= WORKER_ROOTS) {
    const work = {
      format,
      fd: source.fd,
      columns: table.columns(),
      families,
      slabs: [],
      withHashes: false,
      isStored: true,
      detectCollisions: false,
      ...limits,
    };
    const listener = { takeLinks, session: undefined, onFindings: undefined, count: () => {} };
    await resolveOnWorkers(pool, work, listener, signal);
    return fragments;
  }
  const workspace = takeWorkspace();
  const packed = packedBytesOf(source, signal);
  let resolver: FamilyResolver | undefined;
  try {
    const links = new LinkOutput(workspace, format, takeLinks);
    resolver = new FamilyResolver({
      workspace,
      columns: table,
      families,
      slabs: [],
      packed,
      intake: NO_INTAKE,
      links,
      ...limits,
      breathe: () => (pace.isDue() ? pace.rest(signal) : undefined),
    });
    for (const root of families.roots) await resolver.resolveRoot(root, true);
    await resolver.finish();
    links.finish();
    for (let entry = 0; entry < table.count; entry += MEASURED) {
      await measureBlobs(
        { workspace, columns: table, packed },
        entry,
        Math.min(entry + MEASURED, table.count),
      );
      if (pace.isDue()) await pace.rest(signal);
    }
    return fragments;
  } finally {
    resolver?.giveTurnBack();
    packed.release();
    returnWorkspace(workspace);
  }
}

function sizesOf(table: EntryTable): Float64Array {
  const { count, kinds, objectSizes } = table;
  const sizes = new Float64Array(count);
  for (let entry = 0; entry < count; entry++) {
    sizes[entry] = kinds[entry]! < KIND_OFS_DELTA ? sizeOfEntry(table, entry) : objectSizes[entry]!;
  }
  return sizes;
}
