import { chmod, lstat, mkdir, readdir, rm, symlink, writeFile } from "node:fs/promises";
import { dirname, join } from "node:path";
import type { Oid } from "@millrace/pack";
import type { SharedPromisor } from "@millrace/promisor";
import { MountError } from "../errors.ts";
import { CheckoutTrees, nameRoot } from "../filters/checkout-trees.ts";
import { openLfs } from "../filters/checkout.ts";
import { detailOf, objectOf } from "../filters/content-id.ts";
import { type LfsSource, pointerOf, readLfs } from "../filters/lfs-content.ts";
import { parseConversion } from "../filters/conversion.ts";
import { convertWhole } from "../filters/convert.ts";
import { keepInMemory } from "../filters/kept-files.ts";
import { readSettings } from "../filters/settings.ts";
import { type GitDirectory, openGitDirectory } from "../git-directory/git-directory.ts";
import { encodeIndex, type IndexEntry, type IndexStat } from "../git-directory/index-file.ts";
import { type WalkedFile, type WalkedTree, walkForIndex } from "../git-directory/walk-index.ts";
import type { Place } from "../place.ts";
import { type Cone, createCone } from "./cone.ts";
import { writeSparseCheckout } from "./sparse-checkout.ts";

/** What is written where. */
export interface MaterializeOptions {
  /** Stays the caller's. */
  readonly place: Place;
  /** A branch, a tag, an id or `HEAD`. */
  readonly name: string;
  /** Made where it is missing; there must be nothing in it. */
  readonly directory: string;
  /**
   * Directories, as `ConePath` has them: a sparse checkout of what is below them, with the files of the root and of the directories
   * above. Default: all files.
   */
  readonly paths?: readonly string[] | undefined;
  /** Files of git-lfs are fetched from its server, in place of their pointers. Default false. */
  readonly lfs?: boolean | undefined;
  /** Whether the history behind the commit is fetched, too, without its files. Default true. */
  readonly withHistory?: boolean | undefined;
  /** Told how many files are written, of how many. */
  readonly onProgress?: ((done: number, total: number) => void) | undefined;
  readonly signal?: AbortSignal | undefined;
}

/** What was written. */
export interface Materialized {
  readonly commit: Oid;
  readonly files: number;
}

const GITLINK = 0o160000;
const SYMLINK = 0o120000;
/** Files that are fetched by one request and written, before the next. */
const FILES_AT_ONCE = 1000;

/**
 * Writes the files of a commit out, with a git directory that is a partial clone: a working tree as `git clone --filter=blob:none`
 * makes it, with `paths` as `git sparse-checkout set` does, which git takes for unchanged without looking into the files.
 * @throws MountError MOUNT_BAD_STATE where something is in the directory; MOUNT_NO_DIRECTORY, and nothing is left; MOUNT_BAD_TREE before a
 *   file is written; what the place and the disk throw
 */
export async function materialize(options: MaterializeOptions): Promise<Materialized> {
  const { directory } = options;
  await mkdir(directory, { recursive: true });
  if ((await readdir(directory)).length > 0) {
    throw new MountError("MOUNT_BAD_STATE", `${directory} is not empty`);
  }
  try {
    return await fill(options);
  } catch (error) {
    // Whoever corrects a name begins again.
    if ((error as { readonly code?: unknown }).code === "MOUNT_NO_DIRECTORY")
      await rm(join(directory, ".git"), { recursive: true, force: true });
    throw error;
  }
}

async function fill(options: MaterializeOptions): Promise<Materialized> {
  const { place, name, directory, paths, withHistory = true, onProgress, signal } = options;
  const path = join(directory, ".git");
  const cone = paths && createCone(paths);
  await using git = await openGitDirectory({
    path,
    workTree: undefined,
    hasOwnSettings: cone !== undefined,
    place,
    name,
    signal,
  });
  const given = { path, lfs: options.lfs ?? false, environment: process.env };
  const lfs = openLfs(place.url, given, signal);
  const { files, root } = await walk(git, given, cone, signal);
  const named = files.find((file) => cone?.isNamed(file.path));
  if (named !== undefined) {
    const file = Buffer.from(named.path, "latin1").toString();
    throw new MountError("MOUNT_NO_DIRECTORY", `${file} is a file, and no directory`);
  }
  const isIn = (file: WalkedFile): boolean => cone === undefined || cone.has(file.path);
  const wanted = files.filter(isIn);
  const stats = new Map<WalkedFile, IndexStat | undefined>();
  const made = new Set<string>();
  for (let from = 0; from < wanted.length; from += FILES_AT_ONCE) {
    const batch = wanted.slice(from, from + FILES_AT_ONCE);
    const blobs = batch.filter(({ mode }) => mode !== GITLINK).map(({ oid }) => oid);
    await git.objects.prefetch(blobs, { signal });
    for (const file of batch) stats.set(file, await write(git.objects, lfs, directory, file, made, signal));
    onProgress?.(stats.size, wanted.length);
  }
  const entries = function* (): Generator<IndexEntry, void, undefined> {
    for (const file of files) yield { ...file, stat: stats.get(file), isSkipped: !isIn(file) };
  };
  if (cone !== undefined) await writeSparseCheckout(path, cone);
  const knowledge = { trees: root, hasSkipped: wanted.length < files.length };
  await git.putIndex(encodeIndex(files.length, entries(), knowledge, git.format));
  if (withHistory && !(await git.isComplete())) await git.fetchHistory({ signal });
  return { commit: git.prepared.commit, files: wanted.length };
}

/** All files of the commit, those that are written as a checkout writes them. Throws MOUNT_BAD_TREE where a tree cannot be shown. */
async function walk(
  { objects, format, prepared, trees: mounted }: GitDirectory,
  given: { readonly path: string; readonly lfs: boolean; readonly environment: NodeJS.ProcessEnv },
  cone: Cone | undefined,
  signal: AbortSignal | undefined,
): Promise<WalkedTree> {
  const kept = keepInMemory();
  const trees = new CheckoutTrees({
    format,
    files: kept,
    blob: async (oid) => (await objects.resolve(oid, { signal })).content,
  });
  const reach = async (oid: Oid): Promise<Uint8Array> => await mounted.reach(oid, signal);
  const start = await nameRoot(prepared.tree, await readSettings({ ...given, signal }), kept);
  const walked = await walkForIndex(start, format, async (id, path) =>
    // Attributes of what is not written are not asked for: they are files, too.
    cone === undefined || cone.reaches(path)
      ? await trees.tree(id, reach)
      : { content: await reach(objectOf(id)) },
  );
  if (walked.root === undefined) {
    throw new MountError("MOUNT_BAD_TREE", `a tree of ${prepared.commit} cannot be shown`, {
      oid: prepared.tree,
    });
  }
  return walked;
}

/** What a checkout writes for a blob. */
function written(blob: Uint8Array, id: Oid, lfs: LfsSource): Uint8Array | AsyncIterable<Uint8Array> {
  const detail = detailOf(id);
  if (detail === undefined) return blob;
  const conversion = parseConversion(detail);
  const pointer = conversion.lfs ? pointerOf(blob) : undefined;
  return pointer === undefined ? convertWhole(blob, conversion, objectOf(id)) : readLfs(lfs, pointer);
}

/** Writes one file below the directory, with the folders above it. @returns what git is to know it by */
async function write(
  objects: SharedPromisor,
  lfs: LfsSource,
  directory: string,
  { path, mode, oid, content: id }: WalkedFile,
  made: Set<string>,
  signal: AbortSignal | undefined,
): Promise<IndexStat | undefined> {
  // Names are bytes; none of them leads elsewhere, and no folder is a link: the tree has each name once.
  const target = Buffer.concat([Buffer.from(`${directory}/`), Buffer.from(path, "latin1")]);
  const folder = mode === GITLINK ? path : dirname(path);
  if (!made.has(folder)) {
    await mkdir(Buffer.concat([Buffer.from(`${directory}/`), Buffer.from(folder, "latin1")]), {
      recursive: true,
    });
    made.add(folder);
  }
  if (mode === GITLINK) return undefined;
  const { content } = await objects.resolve(oid, { signal });
  if (mode === SYMLINK) await symlink(Buffer.from(content), target);
  else {
    await writeFile(target, written(content, id, lfs), { flag: "wx" });
    if (mode === 0o100755) await chmod(target, 0o777 & ~process.umask());
  }
  const stats = await lstat(target, { bigint: true });
  const time = (ns: bigint): IndexStat["mtime"] => ({
    seconds: Number(ns / 1_000_000_000n),
    nanoseconds: Number(ns % 1_000_000_000n),
  });
  return {
    ctime: time(stats.ctimeNs),
    mtime: time(stats.mtimeNs),
    ino: Number(BigInt.asUintN(32, stats.ino)),
    sizeBytes: Number(stats.size),
    uid: Number(stats.uid),
    gid: Number(stats.gid),
  };
}
