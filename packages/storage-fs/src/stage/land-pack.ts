import { type FileHandle, open, rename, stat, unlink, utimes, writeFile } from "node:fs/promises";
import { hostname } from "node:os";
import { join } from "node:path";
import { type PackLanding, StorageError } from "@millrace/storage";
import { syncDirectory } from "../files/directories.ts";
import { errnoOf, ifPresent } from "../files/fault.ts";
import { type FsRepository, spans } from "../fs-repository.ts";

/** A staged pack that is to become visible. */
export interface StagedPack extends PackLanding {
  /** The directory it lies in. */
  readonly from: string;
  /** The pack, open. */
  readonly handle: FileHandle;
  /** It comes from a promisor (gitrepository-layout, "objects/pack"; partial-clone). */
  readonly isPromised: boolean;
}

/** A pack that has become visible and is kept from repacking. */
export interface Landing {
  /** Lets git repack it, now that refs name its objects. */
  release(): Promise<void>;
}

/**
 * The index makes a pack visible and so comes last; that it is a promisor's is to be known before, since what it refers to
 * may be missing.
 */
const KINDS = ["promisor", "rev", "mtimes", "pack", "idx"] as const;
const OPTIONAL: ReadonlySet<string> = new Set(["promisor", "rev", "mtimes"]);

/**
 * Moves a pack and its sidecars into `objects/pack`, protected by a `.keep` file until `release`: a `git repack -ad`
 * that runs meanwhile would drop it, since no ref names its objects yet. A pack that is there already stays.
 */
export async function landPack(repository: FsRepository, pack: StagedPack): Promise<Landing> {
  return spans.putPack(pack, async () => {
    const directory = join(repository.place.commonDir, "objects", "pack");
    await (await repository.modes()).makeDirectory(directory);
    const target = join(directory, `pack-${pack.id}`);
    const keeping = await keep(`${target}.keep`);
    const release = async (): Promise<void> => {
      if (keeping) await ifPresent(unlink(`${target}.keep`));
    };
    try {
      const from = join(pack.from, `pack-${pack.id}`);
      if (pack.isPromised) await makeNew(`${from}.promisor`, "", 0o444);
      if (!(await freshen(target))) await move(from, target, pack, repository);
      else if (pack.isPromised) await rename(`${from}.promisor`, `${target}.promisor`);
    } catch (error) {
      await release();
      throw error;
    }
    return { release };
  });
}

/** Whether the `.keep` file is ours to remove. */
async function keep(path: string): Promise<boolean> {
  try {
    return await makeNew(path, `millrace ${process.pid} on ${hostname()}\n`, 0o666);
  } catch (error) {
    // A file that was made but not written, on a full disk say, is ours too.
    await ifPresent(unlink(path)).catch(() => undefined);
    throw error;
  }
}

/** Makes a file; `false` where there is one. */
async function makeNew(path: string, content: string, mode: number): Promise<boolean> {
  try {
    await writeFile(path, content, { flag: "wx", mode });
    return true;
  } catch (error) {
    if (errnoOf(error) === "EEXIST") return false;
    throw error;
  }
}

/** Whether the pack is there already; then it is made young again, so that a prune which goes by age leaves it. */
async function freshen(target: string): Promise<boolean> {
  const present = await Promise.all([`${target}.pack`, `${target}.idx`].map((path) => ifPresent(stat(path))));
  if (present.includes(undefined)) return false;
  const now = new Date();
  await ifPresent(utimes(`${target}.pack`, now, now)).catch(() => undefined);
  return true;
}

async function move(from: string, target: string, pack: StagedPack, repository: FsRepository): Promise<void> {
  const { settings } = repository;
  const modes = await repository.modes();
  const moved: string[] = [];
  try {
    if (settings.fsync) await pack.handle.sync();
    for (const kind of KINDS) {
      const path = `${from}.${kind}`;
      if (kind !== "pack" && settings.fsync) await ifPresent(syncFile(path));
      if (OPTIONAL.has(kind) && (await ifPresent(stat(path))) === undefined) continue;
      await modes.adjust(path);
      await rename(path, `${target}.${kind}`);
      moved.push(kind);
    }
    if (settings.fsync) await syncDirectory(join(target, ".."));
  } catch (error) {
    for (const kind of moved.toReversed()) {
      await rename(`${target}.${kind}`, `${from}.${kind}`).catch(() => undefined);
    }
    if (errnoOf(error) !== "ENOENT") throw error;
    throw new StorageError("STORAGE_STAGE_EXPIRED", "the staged pack has been removed", {
      cause: error,
      key: pack.id,
    });
  }
}

async function syncFile(path: string): Promise<void> {
  const handle = await open(path, "r");
  try {
    await handle.sync();
  } finally {
    await handle.close();
  }
}
