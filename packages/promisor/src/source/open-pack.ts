import { type LooseSource, type ObjectFormat, type Oid, writePack } from "@millrace/pack";
import type { FetchedObject, FetchedPack, FetchOptions, ObjectSource } from "./object-source.ts";

/** What a source sends for these objects as a pack, made here where it gives single objects. Throws what the source throws. */
export async function openPack(
  source: ObjectSource,
  format: ObjectFormat,
  wants: readonly Oid[],
  options: FetchOptions,
): Promise<FetchedPack | undefined> {
  if (source.fetchPack !== undefined) return source.fetchPack(wants, options);
  const objects = await source.fetch(wants, options);
  return {
    pack: packOf(objects, format),
    // Such a source tells nothing of where history ends, so commits may turn out to lack their parents.
    shallow: objects.filter(({ type }) => type === "commit").map(({ oid }) => oid),
    async [Symbol.asyncDispose]() {},
  };
}

/** Objects as a pack; the same objects give the same bytes. */
export function packOf(objects: Iterable<FetchedObject>, format: ObjectFormat): AsyncIterable<Uint8Array> {
  const loose: LooseSource[] = [];
  for (const { oid, type, content } of objects) {
    loose.push({ oid, type, sizeBytes: content.length, stream: () => once(content) });
  }
  loose.sort((a, b) => (a.oid < b.oid ? -1 : 1));
  return writePack({ format, packs: [], loose, ofsDelta: true });
}

async function* once(content: Uint8Array): AsyncGenerator<Uint8Array> {
  yield content;
}
