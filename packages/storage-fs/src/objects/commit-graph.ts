import type { Stats } from "node:fs";
import { open } from "node:fs/promises";
import { join } from "node:path";
import { isOid, type ObjectFormat, type OperationOptions } from "@millrace/pack";
import { booleanValue, StorageError, type StoredCommitGraph } from "@millrace/storage";
import { errnoOf } from "../files/fault.ts";
import { isSameVersion, statIfPresent } from "../files/file-version.ts";
import { readFrom } from "../files/random-access-file.ts";
import type { FsRepository } from "../fs-repository.ts";

/** The head of a commit-graph tells the number of layers in one byte. */
const MAX_LAYERS = 256;

/** A file as it was seen. */
interface SeenFile {
  readonly path: string;
  readonly stats: Stats;
}

/**
 * The commit-graph that counts for git: that of the first of these object directories that has one. As git does, nothing of
 * it is heeded under `core.commitGraph=false`, in shallow repositories and in those with grafts, nor what cannot be read.
 */
export async function findCommitGraph(
  repository: FsRepository,
  directories: readonly string[],
): Promise<StoredCommitGraph | undefined> {
  if (booleanValue(await repository.config(), "core.commitgraph") === false) return undefined;
  const { commonDir } = repository.place;
  for (const rewriter of ["shallow", join("info", "grafts")]) {
    if ((await statIfPresent(join(commonDir, rewriter))) !== undefined) return undefined;
  }
  for (const directory of directories) {
    const whole = await see(join(directory, "info", "commit-graph"));
    const layers =
      whole === undefined ? await seeLayers(directory, directories, repository.objectFormat) : [whole];
    if (layers.length > 0) return storedAs(layers);
  }
  return undefined;
}

/** The layers that a directory's chain names, wherever they lie, up to the first that is nowhere. */
async function seeLayers(
  directory: string,
  directories: readonly string[],
  format: ObjectFormat,
): Promise<readonly SeenFile[]> {
  const layers: SeenFile[] = [];
  const chain = await see(join(directory, "info", "commit-graphs", "commit-graph-chain"));
  if (chain === undefined || chain.stats.size > MAX_LAYERS * (2 * 32 + 1)) return layers;
  const text = Buffer.from((await readWhole(chain)) ?? []).toString("latin1");
  for (const name of text.split("\n")) {
    if (!isOid(name, format)) break;
    let layer: SeenFile | undefined;
    for (let i = 0; i < directories.length && layer === undefined; i++) {
      layer = await see(join(directories[i]!, "info", "commit-graphs", `graph-${name}.graph`));
    }
    if (layer === undefined) break;
    layers.push(layer);
  }
  return layers;
}

function storedAs(files: readonly SeenFile[]): StoredCommitGraph {
  const versions = files.map(
    ({ path, stats }) => `${path} ${stats.dev} ${stats.ino} ${stats.size} ${stats.mtimeMs} ${stats.ctimeMs}`,
  );
  return {
    version: versions.join("\n"),
    sizeBytes: files.reduce((bytes, { stats }) => bytes + stats.size, 0),
    async read(options = {}) {
      const layers: Uint8Array[] = [];
      for (const file of files) {
        const bytes = await readWhole(file, options);
        if (bytes === undefined) break;
        layers.push(bytes);
      }
      return layers;
    },
  };
}

async function see(path: string): Promise<SeenFile | undefined> {
  const stats = await passedOver(statIfPresent(path));
  return stats?.isFile() === true ? { path, stats } : undefined;
}

/** A file's content, as long as it is the one that was seen. */
async function readWhole(file: SeenFile, options: OperationOptions = {}): Promise<Uint8Array | undefined> {
  options.signal?.throwIfAborted();
  const handle = await passedOver(open(file.path, "r"));
  if (handle === undefined) return undefined;
  try {
    const stats = await passedOver(handle.stat());
    if (stats === undefined || !isSameVersion(stats, file.stats)) return undefined;
    return await passedOver(readFrom(handle, stats.size, file.path).read(0, stats.size, options));
  } finally {
    await handle.close();
  }
}

/** What `look` gives; nothing where the system refuses it: all that the file says can be found without. */
async function passedOver<T>(look: Promise<T>): Promise<T | undefined> {
  try {
    return await look;
  } catch (error) {
    if (errnoOf(error) === undefined && !(error instanceof StorageError)) throw error;
    return undefined;
  }
}
