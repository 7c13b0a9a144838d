import { chmod, lstat, mkdir, readdir, symlink, writeFile } from "node:fs/promises";
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
import { openGitDirectory } from "../git-directory/git-directory.ts";
import { encodeIndex, type IndexEntry, type IndexStat } from "../git-directory/index-file.ts";
import { type WalkedFile, walkForIndex } from "../git-directory/walk-index.ts";
import type { Place } from "../place.ts";

/** What is written where. */
export interface MaterializeOptions {
  /** Stays the caller's. */
  readonly place: Place;
  /** A branch, a tag, an id or `HEAD`. */
  readonly name: string;
  /** Made where it is missing; there must be nothing in it. */
  readonly directory: string;
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
 * makes it, which git takes for unchanged without looking into the files.
 * @throws MountError MOUNT_BAD_STATE where something is in the directory, MOUNT_BAD_TREE before a file is written; what the place
 *   and the disk throw
 */
export async function materialize(options: MaterializeOptions): Promise<Materialized> {
  const { place, name, directory, withHistory = true, onProgress, signal } = options;
  await mkdir(directory, { recursive: true });
  if ((await readdir(directory)).length > 0) {
    throw new MountError("MOUNT_BAD_STATE", `${directory} is not empty`);
  }
  await using git = await openGitDirectory({
    path: join(directory, ".git"),
    workTree: undefined,
    place,
    name,
    signal,
  });
  const { objects, format, prepared } = git;
  const kept = keepInMemory();
  const trees = new CheckoutTrees({
    format,
    files: kept,
    blob: async (oid) => (await objects.resolve(oid, { signal })).content,
  });
  const reach = async (oid: Oid): Promise<Uint8Array> => await git.trees.reach(oid, signal);
  const path = join(directory, ".git");
  const given = { path, lfs: options.lfs ?? false, environment: process.env };
  const settings = await readSettings({ ...given, signal });
  const lfs = openLfs(place.url, given, signal);
  const start = await nameRoot(prepared.tree, settings, kept);
  const { files, root } = await walkForIndex(start, format, async (id) => await trees.tree(id, reach));
  if (root === undefined) {
    throw new MountError("MOUNT_BAD_TREE", `a tree of ${prepared.commit} cannot be shown`, {
      oid: prepared.tree,
    });
  }
  const entries: IndexEntry[] = [];
  const made = new Set<string>();
  for (let from = 0; from < files.length; from += FILES_AT_ONCE) {
    const batch = files.slice(from, from + FILES_AT_ONCE);
    const blobs = batch.filter(({ mode }) => mode !== GITLINK).map(({ oid }) => oid);
    await objects.prefetch(blobs, { signal });
    for (const file of batch) {
      entries.push({ ...file, stat: await write(objects, lfs, directory, file, made, signal) });
    }
    onProgress?.(entries.length, files.length);
  }
  await git.putIndex(encodeIndex(entries.length, entries, { trees: root }, format));
  if (withHistory && !(await git.isComplete())) await git.fetchHistory({ signal });
  return { commit: prepared.commit, files: files.length };
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
