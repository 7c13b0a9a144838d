import { type FileHandle, open } from "node:fs/promises";
import type { PackHandle, SidecarKind } from "@millrace/storage";
import { guarded, ifPresent } from "../files/fault.ts";
import { readFrom } from "../files/random-access-file.ts";
import type { CatalogedPack } from "./pack-catalog.ts";

const SIDECARS: readonly SidecarKind[] = ["idx", "rev"];

/**
 * Opens a pack and its sidecars at once, so that all of them stay readable when git removes the files.
 * `undefined` where the pack or its index is gone.
 */
export async function openPackFile(pack: CatalogedPack): Promise<PackHandle | undefined> {
  const handles = new Map<string, FileHandle>();
  const closeAll = async (): Promise<void> => {
    const open = [...handles.values()];
    handles.clear();
    await Promise.all(open.map((handle) => handle.close()));
  };
  try {
    for (const kind of ["pack", ...SIDECARS]) {
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
        const handle = handles.get(kind);
        if (handle === undefined) return undefined;
        const { size } = await handle.stat();
        return readFrom(handle, size, `${pack.id}.${kind}`).read(0, size, { signal });
      }),
    [Symbol.asyncDispose]: closeAll,
  };
}
