import { join } from "node:path";
import type { ObjectFormat } from "@millrace/pack";
import {
  createStorageSpans,
  openPackedRefs,
  type PackedRefs,
  readRepositoryFormat,
  type RepositoryConfig,
  type StorageSpans,
} from "@millrace/storage";
import { type ConfigReader, createConfigReader } from "./config/read-config.ts";
import { readSharedModes, type SharedModes } from "./files/shared-modes.ts";
import { type CachedDirectories, createCachedDirectories } from "./files/cached-directories.ts";
import { type CachedFile, createCachedFile } from "./files/cached-file.ts";
import type { LockMaking } from "./files/lock-file.ts";
import { openLockNotes } from "./files/lock-notes.ts";
import { objectDirectories } from "./objects/alternates.ts";
import { createPackCatalog, type PackCatalog } from "./objects/pack-catalog.ts";
import type { Place } from "./place.ts";
import { createLooseRefFiles, type LooseRefFiles } from "./refs/loose-ref-files.ts";
import type { RefFormat } from "./schema.ts";
import { createTableFiles, type TableFiles } from "./tables/table-files.ts";
import type { WriteSettings } from "./write-settings.ts";

/** What the parts of this backend share about one repository. */
export interface FsRepository {
  readonly place: Place;
  readonly objectFormat: ObjectFormat;
  /** How refs are kept. */
  readonly refFormat: RefFormat;
  readonly settings: WriteSettings;
  readonly packedRefs: CachedFile<PackedRefs>;
  readonly looseRefs: LooseRefFiles;
  /** The stacks of ref tables. */
  readonly tables: TableFiles;
  /** The directories of refs. */
  readonly refDirectories: CachedDirectories;
  readonly packs: PackCatalog;
  /** The repository's own object directory and those it borrows from, see `objectDirectories`. */
  objectDirectories(): Promise<readonly string[]>;
  config(): Promise<RepositoryConfig>;
  /** The configuration that counts in another worktree of this repository. */
  configAt(place: Place): Promise<RepositoryConfig>;
  /** The modes for what we make, under the configuration as it is now. */
  modes(): Promise<SharedModes>;
  /** How locks are made, under the configuration as it is now. */
  locks(): Promise<LockMaking>;
}

/** The spans of this backend. */
export const spans: StorageSpans = createStorageSpans("fs");

/** Reads a repository's format and sets up its caches. Throws `STORAGE_UNSUPPORTED`, `STORAGE_CORRUPT`. */
export async function openRepository(place: Place, settings: WriteSettings): Promise<FsRepository> {
  const configs: ConfigReader = createConfigReader(settings.homeDirectory);
  const config = (): Promise<RepositoryConfig> => configs.read(place);
  const { objectFormat, refFormat } = readRepositoryFormat(await config(), place.gitDir);
  const borrows = createCachedFile((bytes) => bytes.length > 0);
  const modes = async (): Promise<SharedModes> => readSharedModes(await config());
  const notes = settings.recoverLocks ? openLockNotes(place.commonDir) : undefined;
  await notes?.sweep();
  return {
    place,
    objectFormat,
    refFormat,
    settings,
    config,
    configAt: (other) => configs.read(other),
    modes,
    locks: async () => ({ modes: await modes(), notes }),
    packedRefs: createCachedFile((bytes) => openPackedRefs(bytes, objectFormat)),
    looseRefs: createLooseRefFiles(objectFormat),
    tables: createTableFiles(objectFormat),
    refDirectories: createCachedDirectories(),
    packs: createPackCatalog(objectFormat),
    async objectDirectories() {
      const own = join(place.commonDir, "objects");
      const alternates = await borrows.read(join(own, "info", "alternates"));
      return alternates === true ? objectDirectories(own, settings.ignoreAlternates) : [own];
    },
  };
}

/** The `packed-refs` file as it is now. */
export async function readPackedRefs({ place, packedRefs }: FsRepository): Promise<PackedRefs | undefined> {
  return packedRefs.read(join(place.commonDir, "packed-refs"));
}
