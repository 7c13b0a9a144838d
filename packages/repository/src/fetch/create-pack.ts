import { type Oid, type OperationOptions, oidToBytes, readTagTarget, writePack } from "@millrace/pack";
import type { ObjectView } from "../objects/object-view.ts";
import type { ListedRef } from "../refs/list-refs.ts";
import { enumerateObjects } from "../walk/enumerate.ts";
import { type ObjectMarks, SEEN, UNINTERESTING } from "../walk/object-marks.ts";
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
  readonly onProgress?: ((progress: PackProgress) => void) | undefined;
}

/**
 * Makes the pack that a fetch asks for: enumerate, find each object's place, copy.
 * `tags` lists the annotated tags, peeled; it is asked only for `includeTag`.
 * Throws `REPOSITORY_OBJECT_MISSING` before the first byte.
 */
export async function* createPack(
  view: ObjectView,
  tags: () => AsyncIterable<ListedRef>,
  request: PackRequest,
): AsyncGenerator<Uint8Array> {
  const { wants, haves, signal, onProgress } = request;
  const selection = await enumerateObjects(view, {
    wants,
    haves,
    signal,
    onProgress: (objects) => onProgress?.({ phase: "enumerating", objects, done: false }),
  });
  const { table, marks } = selection;
  const numbers = [...selection.numbers];
  if (request.includeTag) {
    for await (const { oid, peeled } of tags()) {
      if (peeled === undefined) continue;
      const target = table.find(oidToBytes(peeled));
      if (target < 0 || !marks.has(target, SEEN) || marks.has(target, UNINTERESTING)) continue;
      await collectTags(view, selection.marks, oid, numbers);
    }
  }
  const total = numbers.length;
  onProgress?.({ phase: "enumerating", objects: total, done: true });

  const places = await placeObjects(view, table, numbers, {
    signal,
    onProgress: (objects) => onProgress?.({ phase: "counting", objects, total }),
  });
  const isAtClient = (oid: Uint8Array): boolean => {
    const number = table.find(oid);
    return number >= 0 && marks.has(number, UNINTERESTING);
  };
  const writing = writePack({
    format: view.format,
    packs: places.packs,
    loose: places.loose,
    ofsDelta: request.ofsDelta,
    thinBases: request.thinPack ? isAtClient : undefined,
    signal,
  });
  yield* writing;
  const { objects, deltas, reused, reusedDeltas } = writing.stats;
  onProgress?.({ phase: "total", objects, deltas, reused, reusedDeltas });
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
    if (marks.has(number, SEEN | UNINTERESTING)) return;
    const { type, content } = await view.read(bytes);
    if (type !== "tag") return;
    marks.set(number, SEEN);
    numbers.push(number);
    oid = readTagTarget(content, view.format).oid;
  }
}
