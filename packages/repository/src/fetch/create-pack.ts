import {
  type ByteStream,
  type ObjectFilter,
  type Oid,
  type OperationOptions,
  type PackReader,
  type PackWrite,
  chunksOf,
  oidToBytes,
  readTagTarget,
  roomOf,
  writePack,
} from "@millrace/pack";
import type { Snapshot } from "@millrace/storage";
import { type FilterPlan, planFilter } from "../filter/filter-plan.ts";
import { loadSparsePatterns } from "../filter/sparse-blob.ts";
import type { ObjectView } from "../objects/object-view.ts";
import type { ListedRef } from "../refs/list-refs.ts";
import type { ShallowUpdate } from "../shallow/deepen.ts";
import { shallowScope } from "../shallow/shallow-scope.ts";
import { enumerateObjects } from "../walk/enumerate.ts";
import { type ObjectMarks, SELECTED, UNINTERESTING } from "../walk/object-marks.ts";
import { bitmappedClosure } from "./bitmapped-closure.ts";
import { placeObjects } from "./place-objects.ts";

/** How far the making of a pack has come. */
export type PackProgress =
  | { readonly phase: "enumerating"; readonly objects: number; readonly done: boolean }
  | { readonly phase: "counting"; readonly objects: number; readonly total: number }
  | {
      readonly phase: "total";
      readonly objects: number;
      readonly deltas: number;
      readonly reused: number;
      readonly reusedDeltas: number;
    };

export interface PackRequest extends OperationOptions {
  readonly wants: readonly Oid[];
  /** Objects that both sides have. */
  readonly haves: readonly Oid[];
  /** The client completes deltas whose base it has. */
  readonly thinPack: boolean;
  /** The client reads deltas that name their base by distance. */
  readonly ofsDelta: boolean;
  /** Annotated tags whose target is sent go along. */
  readonly includeTag: boolean;
  /** The client's shallow roots before this fetch; their parents are not at the client. */
  readonly clientShallow?: readonly Oid[] | undefined;
  /** What `deepen` has answered for this fetch. */
  readonly shallowUpdate?: ShallowUpdate | undefined;
  /** Leave out what this filter leaves out; what is wanted by id is sent all the same. */
  readonly filter?: ObjectFilter | undefined;
  /** Whether `total` is to tell the deltas of a pack that is sent as it lies: counting them takes a while. Default `true`. */
  readonly countDeltas?: boolean | undefined;
  readonly onProgress?: ((progress: PackProgress) => void) | undefined;
}

/** What a pack is made from. */
export interface PackContext {
  readonly snapshot: Snapshot;
  readonly view: ObjectView;
  /** Lists the annotated tags, peeled; asked only for `includeTag`. */
  readonly tags: () => AsyncIterable<ListedRef>;
}

const CHUNK_BYTES = 256 * 1024;

/**
 * Makes the pack that a fetch asks for: enumerate, find each object's place, copy. Nothing is done before its first bytes
 * are asked for. Throws `REPOSITORY_OBJECT_MISSING`, `REPOSITORY_BAD_REQUEST` before the first byte.
 */
export function createPack(open: () => Promise<PackContext>, request: PackRequest): ByteStream {
  let preparing: Promise<PackWrite> | undefined;
  let isOver = false;

  const prepare = async (): Promise<PackWrite> => preparePack(await open(), request);
  const reportTotal = ({ objects, deltas, reused, reusedDeltas }: PackWrite["stats"]): void => {
    if (!isOver) request.onProgress?.({ phase: "total", objects, deltas, reused, reusedDeltas });
    isOver = true;
  };
  const pack: ByteStream = {
    async readInto(targets) {
      preparing ??= prepare();
      const writing = await preparing;
      const filled = await writing.readInto(targets);
      if (filled < roomOf(targets)) reportTotal(writing.stats);
      return filled;
    },
    [Symbol.asyncIterator]: () => chunksOf(pack, CHUNK_BYTES),
    async [Symbol.asyncDispose]() {
      const writing = await preparing?.catch(() => undefined);
      await writing?.[Symbol.asyncDispose]();
    },
  };
  return pack;
}

async function preparePack({ snapshot, view, tags }: PackContext, request: PackRequest): Promise<PackWrite> {
  const { signal, onProgress } = request;
  const filter = await planOf(request.filter, snapshot, view, signal);
  const scope = await shallowScope(view, await snapshot.shallow({ signal }), request, { signal });
  if (filter === undefined && scope.haves.length + scope.shallow.length === 0 && request.ofsDelta) {
    const reader = await bitmappedClosure(view, tags, request);
    if (reader !== undefined) return sendWhole(reader, view, request);
  }
  // Bitmaps are all that clones need; who fetches again and again is served best by graphs.
  if (request.haves.length > 0) await view.graphs({ wanted: true });
  const selection = await enumerateObjects(view, {
    ...scope,
    filter,
    signal,
    onProgress: (objects) => onProgress?.({ phase: "enumerating", objects, done: false }),
  });
  const { table, marks } = selection;
  const tagNumbers: number[] = [];
  if (request.includeTag) {
    for await (const { oid, peeled } of tags()) {
      if (peeled === undefined) continue;
      const target = table.find(oidToBytes(peeled));
      if (target >= 0 && marks.has(target, SELECTED)) await collectTags(view, marks, oid, tagNumbers);
    }
  }
  const total = selection.count + tagNumbers.length;
  onProgress?.({ phase: "enumerating", objects: total, done: true });

  const places = await placeObjects(
    view,
    marks,
    {
      count: total,
      list: () => [...selection.numbers, ...tagNumbers],
    },
    {
      signal,
      onProgress: (objects) => onProgress?.({ phase: "counting", objects, total }),
    },
  );
  const isAtClient = (oid: Uint8Array): boolean | Promise<boolean> => {
    const number = table.find(oid);
    return number >= 0 && selection.isAtOtherSide(number);
  };
  return writePack({
    format: view.format,
    packs: places.packs,
    loose: places.loose,
    ofsDelta: request.ofsDelta,
    countDeltas: request.countDeltas,
    thinBases: request.thinPack ? isAtClient : undefined,
    signal,
  });
}

/** A pack that goes out as it lies. */
function sendWhole(
  reader: PackReader,
  { format }: ObjectView,
  { ofsDelta, countDeltas, onProgress, signal }: PackRequest,
): PackWrite {
  const objects = reader.index.count;
  onProgress?.({ phase: "enumerating", objects, done: true });
  onProgress?.({ phase: "counting", objects, total: objects });
  return writePack({ format, packs: [{ reader }], ofsDelta, countDeltas, signal });
}

async function planOf(
  filter: ObjectFilter | undefined,
  snapshot: Snapshot,
  view: ObjectView,
  signal: AbortSignal | undefined,
): Promise<FilterPlan | undefined> {
  if (filter === undefined) return undefined;
  return planFilter(filter, (blob) => loadSparsePatterns(snapshot, view, blob, { signal }));
}

/** Adds a tag and the tags it points to, as far as they are not sent yet. */
async function collectTags(
  view: ObjectView,
  marks: ObjectMarks,
  start: Oid,
  numbers: number[],
): Promise<void> {
  for (let oid = start; ; ) {
    const bytes = oidToBytes(oid);
    const number = marks.number(bytes);
    if (marks.has(number, SELECTED | UNINTERESTING)) return;
    const { type, content } = await view.read(bytes);
    if (type !== "tag") return;
    marks.set(number, SELECTED);
    numbers.push(number);
    oid = readTagTarget(content, view.format).oid;
  }
}
