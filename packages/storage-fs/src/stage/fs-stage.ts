import { type FileHandle, mkdtemp, mkdir, open, rename, rm, stat, writeFile } from "node:fs/promises";
import { join } from "node:path";
import { hashLength, type OperationOptions } from "@millrace/pack";
import { type PackInfo, type SidecarKind, type Stage, StorageError } from "@millrace/storage";
import { cachedName } from "../cache/cache-folder.ts";
import { errnoOf, guarded } from "../files/fault.ts";
import { readFrom } from "../files/random-access-file.ts";
import { type FsRepository, spans } from "../fs-repository.ts";
import { explodePack, readUnpackLimit } from "./explode-pack.ts";
import { type Landing, landPack } from "./land-pack.ts";
import { createStagedFile } from "./staged-file.ts";

/** A stage with what a commit asks of it. */
export interface FsStage extends Stage {
  /** Throws `STORAGE_STAGE_EXPIRED` where it is discarded or not sealed, `STORAGE_UNSUPPORTED` where it has no index. */
  checkReady(): PackInfo;
  /**
   * Puts the pack, or where the configuration says so and not `asPacks` its objects one by one, where git finds them;
   * twice is once. With `isPromised` git takes it for a promisor's, and it stays a pack.
   */
  land(
    repository: FsRepository,
    options?: { readonly asPacks?: boolean; readonly isPromised?: boolean },
  ): Promise<Landing>;
}

/** As git names the directory in which it keeps a push until it is accepted; `git gc` sweeps those that are left. */
const QUARANTINE = "tmp_objdir-incoming-";

/** Opens a quarantine directory below `objects` and a pack in it. */
export async function openStage(repository: FsRepository, { signal }: OperationOptions): Promise<FsStage> {
  signal?.throwIfAborted();
  const { objectFormat } = repository;
  // Objects may move with a draft: the last part of the path is kept, the rest is looked up.
  const objects = (): string => join(repository.place.commonDir, "objects");
  const quarantine = (await mkdtemp(join(objects(), QUARANTINE))).slice(objects().length + 1);
  const directory = (): string => join(objects(), quarantine);
  const packDirectory = (): string => join(directory(), "pack");
  let handle: FileHandle;
  try {
    await mkdir(packDirectory());
    handle = await open(join(packDirectory(), "tmp_pack"), "wx+", 0o444);
  } catch (error) {
    await rm(directory(), { recursive: true, force: true });
    throw error;
  }
  const file = createStagedFile(handle);
  /** Their sizes in bytes. */
  const sidecars = new Map<SidecarKind, number>();
  const scratches: FileHandle[] = [];
  let sealed: PackInfo | undefined;
  let objectCount = 0;
  /** Exploded, the pack stays where it is; landed, it has moved. */
  let state: "open" | "sealed" | "exploded" | "landed" | "gone" = "open";

  const checkOpen = (): void => {
    signal?.throwIfAborted();
    if (state !== "open") throw expired(state);
  };

  /** Until the pack has a name, they are called as those are that git has not finished. */
  const sidecarPath = (kind: SidecarKind): string =>
    join(
      packDirectory(),
      sealed === undefined || kind === "graph" ? `tmp_${kind}` : `pack-${sealed.id}.${kind}`,
    );

  const writeSidecar = async (kind: SidecarKind, content: Parameters<Stage["sidecar"]>[1]): Promise<void> => {
    const path = sidecarPath(kind);
    // Read-only as it is, it is not written over.
    await rm(path, { force: true });
    await writeFile(path, content, { mode: 0o444, flag: "wx" });
    sidecars.set(kind, (await stat(path)).size);
  };

  /** Closes the pack and removes what is left of the quarantine. */
  const discard = async (): Promise<void> => {
    if (state === "gone") return;
    state = "gone";
    sidecars.clear();
    try {
      await Promise.all([handle, ...scratches].map((opened) => opened.close()));
    } finally {
      await rm(directory(), { recursive: true, force: true });
    }
  };

  return {
    get sizeBytes() {
      return file.sizeBytes;
    },
    get path() {
      return directory();
    },
    write: (bytes) =>
      inQuarantine(quarantine, async () => {
        checkOpen();
        await file.append(bytes);
      }),
    open: () =>
      inQuarantine(quarantine, async () => {
        signal?.throwIfAborted();
        if (state === "gone") throw expired(state);
        await file.flush();
        return readFrom(handle, file.sizeBytes, quarantine);
      }),
    scratch: () =>
      inQuarantine(quarantine, async () => {
        checkOpen();
        const opened = await open(join(packDirectory(), `tmp_scratch${scratches.length}`), "wx+", 0o600);
        scratches.push(opened);
        const aside = createStagedFile(opened);
        return {
          write: (bytes) => aside.append(bytes),
          async open() {
            await aside.flush();
            return readFrom(opened, aside.sizeBytes, quarantine);
          },
        };
      }),
    sidecar: (kind, content) =>
      inQuarantine(quarantine, async () => {
        signal?.throwIfAborted();
        if (state !== "open" && state !== "sealed") throw expired(state);
        // git knows nothing of graphs: one goes into the cache, where there is one, when its pack has landed.
        if (kind === "graph" && repository.settings.cache === undefined) return;
        await writeSidecar(kind, content);
      }),
    seal: ({ header, trailer }) =>
      inQuarantine(quarantine, async () => {
        checkOpen();
        if (header.length !== 12 || trailer.length !== hashLength(objectFormat) || file.sizeBytes < 12) {
          throw new StorageError("STORAGE_CORRUPT", "a pack needs 12 header bytes and its format's checksum");
        }
        await file.append(trailer);
        await file.overwrite(header, 0);
        const id = Buffer.from(trailer).toString("hex");
        await rename(join(packDirectory(), "tmp_pack"), join(packDirectory(), `pack-${id}.pack`));
        sealed = { id, sizeBytes: file.sizeBytes };
        objectCount = Buffer.from(header).readUInt32BE(8);
        state = "sealed";
        for (const kind of sidecars.keys()) {
          if (kind !== "graph") await rename(join(packDirectory(), `tmp_${kind}`), sidecarPath(kind));
        }
        return sealed;
      }),
    checkReady() {
      if (sealed === undefined || state === "gone" || state === "open") throw expired(state);
      if (!sidecars.has("idx")) {
        throw new StorageError("STORAGE_UNSUPPORTED", "a pack on a disk needs its index", { key: sealed.id });
      }
      return sealed;
    },
    async land(target, { asPacks = false, isPromised = false } = {}) {
      if (sealed === undefined || state === "gone") throw expired(state);
      const pack = { ...sealed, idxBytes: sidecars.get("idx")!, handle, isPromised };
      const limit = asPacks || isPromised ? undefined : readUnpackLimit(await target.config());
      if (state !== "landed" && limit !== undefined && objectCount < limit) {
        await spans.putPack(pack, () => explodePack(target, { ...pack, quarantine: directory() }));
        state = "exploded";
        return { async release() {} };
      }
      const from = state === "landed" ? join(objects(), "pack") : packDirectory();
      const landing = await landPack(target, { ...pack, from });
      state = "landed";
      // Without it the pack is as good, only slower to walk.
      if (sidecars.delete("graph"))
        await target.settings.cache
          ?.putFile(cachedName(pack.id, "graph"), sidecarPath("graph"))
          .catch(() => undefined);
      return landing;
    },
    discard: () => guarded(quarantine, discard),
    [Symbol.asyncDispose]: () => guarded(quarantine, discard),
  };
}

/** `guarded`, for a directory that is gone only if somebody has swept it. */
async function inQuarantine<T>(key: string, run: () => Promise<T>): Promise<T> {
  return guarded(key, async () => {
    try {
      return await run();
    } catch (cause) {
      if (errnoOf(cause) !== "ENOENT") throw cause;
      throw new StorageError("STORAGE_STAGE_EXPIRED", "the stage has been removed", { cause, key });
    }
  });
}

function expired(state: string): StorageError {
  const reasons: Readonly<Record<string, string>> = {
    open: "not sealed",
    sealed: "sealed",
    exploded: "committed",
    landed: "committed",
  };
  const why = reasons[state] ?? "discarded";
  return new StorageError("STORAGE_STAGE_EXPIRED", `the stage is ${why}`);
}
