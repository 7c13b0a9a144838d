import { type FileHandle, open } from "node:fs/promises";
import type { PackHandle } from "@millrace/storage";
import { guarded, ifPresent } from "../files/fault.ts";
import { readFrom } from "../files/random-access-file.ts";
import { type CacheFolder, cachedName } from "../cache/cache-folder.ts";
import type { CatalogedPack } from "./pack-catalog.ts";

/** Files beside a pack, as git has them. */
const BESIDE = ["idx", "rev", "bitmap", "mtimes"] as const;

/**
 * Opens a pack and its sidecars at once, so that all of them stay readable when git removes the files.
 * What is made for a pack and git knows nothing of lies in `cache`. `undefined` where the pack or its index is gone.
 */
export async function openPackFile(
  pack: CatalogedPack,
  cache: CacheFolder | undefined,
): Promise<PackHandle | undefined> {
  const handles = new Map<string, FileHandle>();
  const closeAll = async (): Promise<void> => {
    const open = [...handles.values()];
    handles.clear();
    await Promise.all(open.map((handle) => handle.close()));
  };
  try {
    for (const kind of ["pack", ...BESIDE]) {
      const handle = await ifPresent(open(`${pack.base}.${kind}`, "r"));
      if (handle !== undefined) handles.set(kind, handle);
    }
  } catch (error) {
    await closeAll();
    throw error;
  }
  const main = handles.get("pack");
  if (main === undefined || !handles.has("idx")) {
    await closeAll();
    return undefined;
  }
  return {
    id: pack.id,
    ...readFrom(main, pack.sizeBytes, pack.id),
    sidecar: (kind, { signal } = {}) =>
      guarded(`${pack.id}.${kind}`, async () => {
        signal?.throwIfAborted();
        const handle = handles.get(kind);
        if (handle === undefined) {
          return kind === "graph" || kind === "rev" ? cache?.get(cachedName(pack.id, kind)) : undefined;
        }
        const { size } = await handle.stat();
        return readFrom(handle, size, `${pack.id}.${kind}`).read(0, size, { signal });
      }),
    ...(cache === undefined ? {} : { keepSidecar: keepIn(cache, pack.id) }),
    [Symbol.asyncDispose]: closeAll,
  };
}

function keepIn(cache: CacheFolder, id: string): NonNullable<PackHandle["keepSidecar"]> {
  return (kind, bytes, { signal } = {}) =>
    guarded(`${id}.${kind}`, async () => {
      signal?.throwIfAborted();
      await cache.put(cachedName(id, kind), bytes);
    });
}
