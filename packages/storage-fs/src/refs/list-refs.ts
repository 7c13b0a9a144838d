import type { Dirent } from "node:fs";
import { join } from "node:path";
import {
  checkRefName,
  compareNames,
  isRefLines,
  type PackedRefsWalk,
  type Ref,
  type RefBatch,
  type RefQuery,
  refRanges,
} from "@millrace/storage";
import { type FsRepository, readPackedRefs } from "../fs-repository.ts";
import { isPerWorktree, refPath } from "../place.ts";
import { listStackRefs } from "../tables/read-stack.ts";
import { type FoundRef, followSymref } from "./loose-ref.ts";
import type { RawRef } from "@millrace/storage";
import { readLooseRef, readSymbolicLink } from "./ref-file.ts";

const BATCH = 1024;
const READS_AT_ONCE = 32;

/** The refs below `refs/` in byte order, in batches; reads only what the prefixes reach. */
export async function* listRefs(repository: FsRepository, query: RefQuery): AsyncGenerator<RefBatch> {
  if (repository.refFormat === "reftable") {
    yield* listStackRefs(repository, query, (name, found) => resolve(repository, name, found));
    return;
  }
  let refs: Ref[] = [];
  const ranges: { readonly range: string; readonly loose: readonly LooseRef[] }[] = [];
  for (const range of refRanges(query.prefixes)) {
    ranges.push({ range, loose: await readLooseRefs(repository, range, query.signal) });
  }
  // Loose before packed: a ref that git packs in between is seen twice rather than never.
  const packed = ranges.length === 0 ? undefined : await readPackedRefs(repository);
  for (const { range, loose } of ranges) {
    for (const next of merge(loose, packed?.under(range))) {
      if (isLoose(next)) {
        const ref = direct(next.name, next) ?? (await resolve(repository, next.name, next));
        if (ref !== undefined) refs.push(ref);
      } else if (!isRefLines(next)) refs.push(...next);
      const lines = !isLoose(next) && isRefLines(next) ? next : undefined;
      if (lines === undefined && refs.length < BATCH) continue;
      if (refs.length > 0) yield refs;
      refs = [];
      if (lines !== undefined) yield lines;
      query.signal?.throwIfAborted();
    }
  }
  if (refs.length > 0) yield refs;
}

/** One ref, resolved; `undefined` where it is absent, broken or dangling. */
export async function resolve(
  repository: FsRepository,
  name: string,
  start: FoundRef | undefined,
): Promise<Ref | undefined> {
  const end = await followSymref(repository, name, start);
  if (end?.found === undefined) return undefined;
  const ref = direct(end.target, end.found);
  return ref === undefined || end.target === name ? ref : { ...ref, name, symref: end.target };
}

function direct(name: string, { raw, packed }: FoundRef): Ref | undefined {
  if (raw === "broken" || raw.symref !== undefined) return undefined;
  return packed?.peeled === undefined
    ? { name, oid: raw.oid }
    : { name, oid: raw.oid, peeled: packed.peeled };
}

/** Both in byte order; where both have a name the loose one counts. */
function* merge(
  loose: readonly LooseRef[],
  packed: PackedRefsWalk | undefined,
): Generator<LooseRef | RefBatch, void> {
  for (const ref of loose) {
    if (packed !== undefined) yield* packed.upTo(ref.name);
    yield ref;
  }
  if (packed !== undefined) yield* packed.upTo();
}

interface LooseRef {
  readonly name: string;
  readonly raw: RawRef;
}

function isLoose(next: LooseRef | RefBatch): next is LooseRef {
  return "raw" in next;
}

/** What a directory of refs holds; in `refs` of a linked worktree, what that one has for itself takes the place of the main one's. */
async function readEntries(
  { place: { gitDir, commonDir }, refDirectories }: FsRepository,
  at: string,
): Promise<readonly Dirent[]> {
  const read = (base: string): Promise<readonly Dirent[]> => refDirectories.read(join(base, at));
  if (gitDir === commonDir) return read(commonDir);
  if (at !== "refs") return read(isPerWorktree(`${at}/`) ? gitDir : commonDir);
  const isOwn = (entry: Dirent): boolean => isPerWorktree(`refs/${entry.name}/`);
  return [...(await read(commonDir)).filter((entry) => !isOwn(entry)), ...(await read(gitDir)).filter(isOwn)];
}

async function readLooseRefs(
  repository: FsRepository,
  prefix: string,
  signal: AbortSignal | undefined,
): Promise<LooseRef[]> {
  const { place } = repository;
  const directory = prefix.slice(0, prefix.lastIndexOf("/"));
  if (directory !== "refs" && !checkRefName(directory)) return [];
  const names: string[] = [];

  const directories = [directory];
  while (directories.length > 0) {
    signal?.throwIfAborted();
    const some = directories.splice(0, READS_AT_ONCE);
    const listings = await Promise.all(some.map((at) => readEntries(repository, at)));
    for (const [i, entries] of listings.entries()) {
      for (const entry of entries) {
        const name = `${some[i]}/${entry.name}`;
        if (!entry.isDirectory()) {
          if (name.startsWith(prefix) && checkRefName(name)) names.push(name);
        } else if (`${name}/`.startsWith(prefix) || prefix.startsWith(`${name}/`)) directories.push(name);
      }
    }
  }
  names.sort(compareNames);

  const refs: LooseRef[] = [];
  for (let from = 0; from < names.length; from += READS_AT_ONCE) {
    signal?.throwIfAborted();
    const read = names.slice(from, from + READS_AT_ONCE).map(async (name) => {
      const path = refPath(place, name);
      const raw = await repository.looseRefs.read(
        path,
        async () => (await readSymbolicLink(path)) ?? (await readLooseRef(path, repository.objectFormat)),
      );
      // Gone since it was listed: deleted, or packed and then met there.
      if (raw !== undefined) refs.push({ name, raw });
    });
    await Promise.all(read);
  }
  return refs.sort((a, b) => compareNames(a.name, b.name));
}
