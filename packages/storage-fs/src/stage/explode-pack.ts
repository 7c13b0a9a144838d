import { type FileHandle, link, readFile, rename, stat, unlink } from "node:fs/promises";
import { join } from "node:path";
import {
  createBlockCache,
  createByteCache,
  type Oid,
  openPackIndex,
  openPackReader,
  type PackedObject,
  PackError,
} from "@millrace/pack";
import { badValue, integerValue, type RepositoryConfig, StorageError } from "@millrace/storage";
import { syncDirectory } from "../files/directories.ts";
import { errnoOf, ifPresent } from "../files/fault.ts";
import { readFrom } from "../files/random-access-file.ts";
import type { FsRepository } from "../fs-repository.ts";
import { freshenKnown } from "../objects/freshen-known.ts";
import { writeLoose } from "../objects/write-loose.ts";

/** A sealed pack that is to become loose objects. */
export interface ExplodedPack {
  readonly id: string;
  readonly sizeBytes: number;
  /** Its quarantine, in whose `pack` directory the index lies. */
  readonly quarantine: string;
  readonly handle: FileHandle;
}

const CACHE_BYTES = 16 * 1024 * 1024;
const BLOCKS_BYTES = 1024 * 1024;

/**
 * Packs with fewer objects than this become loose objects (git-config, `receive.unpackLimit`, `transfer.unpackLimit`);
 * `undefined`: none do. Throws `STORAGE_CORRUPT`.
 */
export function readUnpackLimit(config: RepositoryConfig): number | undefined {
  for (const key of ["receive.unpacklimit", "transfer.unpacklimit"]) {
    const limit = integerValue(config, key);
    if (limit !== undefined && limit >= 0) return limit;
  }
  return undefined;
}

/**
 * Makes a pack's objects visible as loose ones. All are written in the quarantine, then linked into place one by one,
 * whole each. Objects that are there already stay. Throws `STORAGE_STAGE_EXPIRED`, `STORAGE_CORRUPT`.
 */
export async function explodePack(repository: FsRepository, pack: ExplodedPack): Promise<void> {
  try {
    await migrate(repository, pack, await unpack(repository, pack));
  } catch (cause) {
    const detail = { cause, key: pack.id };
    if (cause instanceof PackError) throw new StorageError("STORAGE_CORRUPT", cause.message, detail);
    if (errnoOf(cause) !== "ENOENT" || (await ifPresent(stat(pack.quarantine))) !== undefined) throw cause;
    throw new StorageError("STORAGE_STAGE_EXPIRED", "the staged pack has been removed", detail);
  }
}

/** Writes the objects that the repository does not have as loose ones in the quarantine, and tells which. */
async function unpack(repository: FsRepository, pack: ExplodedPack): Promise<readonly Oid[]> {
  const { objectFormat, settings } = repository;
  const config = await repository.config();
  const path = join(pack.quarantine, "pack", `pack-${pack.id}.idx`);
  const index = openPackIndex(await readFile(path), objectFormat);
  const reader = openPackReader({
    source: readFrom(pack.handle, pack.sizeBytes, pack.id),
    index,
    bases: createByteCache<number, PackedObject>({ budgetBytes: CACHE_BYTES }),
    blocks: createBlockCache({ budgetBytes: BLOCKS_BYTES }),
  });
  const directories = await repository.objectDirectories();
  const packs = await repository.packs.list(directories);
  const oids = Array.from({ length: index.count }, (_, position) => index.oidAt(position));
  const known = await freshenKnown({ directories, packs, objectFormat }, oids);
  const options = {
    directory: pack.quarantine,
    objectFormat,
    modes: await repository.modes(),
    compression: readCompression(config),
    sync: settings.fsync,
  };
  const written: Oid[] = [];
  for (const position of index.packOrder()) {
    const oid = oids[position] as Oid;
    if (known.has(oid)) continue;
    await writeLoose(oid, await reader.stream(position), options);
    written.push(oid);
  }
  return written;
}

/** The level for loose objects; git takes the fastest where none is set. */
function readCompression(config: RepositoryConfig): number {
  for (const key of ["core.loosecompression", "core.compression"]) {
    const level = integerValue(config, key);
    if (level === undefined) continue;
    if (level < -1 || level > 9) throw badValue(key, `${level}`);
    return level;
  }
  return 1;
}

async function migrate(repository: FsRepository, pack: ExplodedPack, oids: readonly Oid[]): Promise<void> {
  const objects = join(repository.place.commonDir, "objects");
  const modes = await repository.modes();
  const prefixes = new Set<string>();
  for (const oid of oids) {
    const prefix = oid.slice(0, 2);
    const name = join(prefix, oid.slice(2));
    for (let attempt = 0; ; attempt++) {
      if (attempt > 0 || !prefixes.has(prefix)) await modes.makeDirectory(join(objects, prefix));
      prefixes.add(prefix);
      if (await moveNew(join(pack.quarantine, name), join(objects, name), attempt < 5)) break;
    }
  }
  if (!repository.settings.fsync) return;
  // A git that collects meanwhile packs what is loose, and removes the directories that this leaves empty.
  for (const prefix of prefixes) await ifPresent(syncDirectory(join(objects, prefix)));
  if (prefixes.size > 0) await syncDirectory(objects);
}

/**
 * Moves a file to where none is; one that is there stays. File systems without links get a rename.
 * With `again`, `false` where the directory has been removed meanwhile, as `git gc` does with empty ones.
 */
async function moveNew(from: string, to: string, again: boolean): Promise<boolean> {
  try {
    await link(from, to);
  } catch (error) {
    const code = errnoOf(error);
    if (code === "ENOENT") {
      if (again && (await ifPresent(stat(from))) !== undefined) return false;
      throw error;
    }
    if (code !== "EEXIST" && (await ifPresent(stat(to))) === undefined) {
      await rename(from, to);
      return true;
    }
  }
  await unlink(from);
  return true;
}
