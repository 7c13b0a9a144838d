import type { OperationOptions } from "@millrace/pack";
import {
  checkRefName,
  compareNames,
  lowerBound,
  type PackedRefs,
  type RawRef,
  StorageError,
} from "@millrace/storage";
import type { Bucket, ListedKey } from "../bucket/bucket.ts";
import { type BarePlace, type BareRepository } from "./bare-repository.ts";
import { inParallel } from "../in-parallel.ts";
import { listAll } from "./list-keys.ts";
import type { Versioned } from "./remembered.ts";
import { parseRefFile, tombstoneBytes } from "./tombstone.ts";

/** No ref's file is longer: git takes names of up to 4 KiB. */
const REF_BYTES = 4200;

/** Refs as a listing of their keys found them; what the files say is read where it is asked for. */
export interface RefListing {
  /** Names that have a file of their own, in byte order. */
  readonly names: readonly string[];
  readonly packed: Versioned<PackedRefs> | undefined;
  /** The version of a ref's own file; `undefined` where it has none. */
  etagOf(name: string): string | undefined;
  /** The key that a ref still has while it is being deleted. */
  tombstoneOf(name: string): ListedKey | undefined;
  /** Reads the files of these refs, those of them that have one and that are not known yet. */
  load(names: Iterable<string>, options?: OperationOptions): Promise<void>;
  /** What is stored for a name: its file, which must have been loaded, else its line in `packed-refs`. */
  raw(name: string): RawRef | undefined;
  /** Names of the listing, those of files and those of lines, that start with a prefix. */
  under(prefix: string): Iterable<string>;
}

/**
 * Lists the refs below some prefixes. First the keys, then `packed-refs`: a ref that somebody packs in between is seen
 * twice rather than never. Throws `STORAGE_IO` where it takes too long.
 */
export async function listRefs(
  place: BarePlace,
  repository: BareRepository,
  prefixes: readonly string[],
  options: OperationOptions & { readonly isLoading: boolean },
): Promise<RefListing> {
  const { bucket, settings } = place;
  const { base, objectFormat } = repository;
  return withDeadline(place, repository, options.signal, async (signal) => {
    const pages = await inParallel(prefixes, settings.listRefsConcurrency, (prefix) =>
      listAll(bucket, base + prefix, {
        kind: "ref",
        signal,
        split: prefix === "refs/" ? (last) => topFolders(bucket, base, last, signal) : undefined,
      }),
    );
    const files = new Map<string, ListedKey>();
    for (const listed of pages.flat()) {
      const name = listed.key.slice(base.length);
      if (checkRefName(name)) files.set(name, listed);
    }
    const names = [...files.keys()].sort(compareNames);
    const values = new Map<string, RawRef>();
    const tombstones = new Map<string, ListedKey>();

    const load: RefListing["load"] = async (wanted, { signal: asked } = {}) => {
      const missing = [...wanted].filter((name) => files.has(name) && !values.has(name));
      await inParallel(missing, settings.listRefsConcurrency, async (name) => {
        const listed = files.get(name) as ListedKey;
        const { key, etag, sizeBytes } = listed;
        if (sizeBytes > REF_BYTES) {
          values.set(name, "broken");
          return;
        }
        const text = await place.texts.at(key, etag, { signal: asked });
        const value = text === undefined ? undefined : parseRefFile(text.value, objectFormat);
        if (value !== undefined) values.set(name, value);
        else {
          // Gone since it was listed, or about to go: whoever deletes a ref takes it out of `packed-refs` first.
          files.delete(name);
          if (text !== undefined) tombstones.set(name, listed);
        }
      });
    };
    // What may be a tombstone must be known before names are told.
    const suspects = names.filter((name) => files.get(name)?.sizeBytes === tombstoneBytes(objectFormat));
    const [packed] = await Promise.all([
      repository.packed.look(`${base}packed-refs`, { signal }),
      load(options.isLoading ? names : suspects, { signal }),
    ]);

    function* under(prefix: string): Generator<string> {
      for (let i = lowerBound(names, prefix); i < names.length; i++) {
        const name = names[i] as string;
        if (!name.startsWith(prefix)) break;
        if (files.has(name)) yield name;
      }
      for (const { name } of packed?.value.entries(prefix) ?? []) {
        if (!files.has(name) && !tombstones.has(name)) yield name;
      }
    }

    return {
      names,
      packed,
      etagOf: (name) => files.get(name)?.etag,
      tombstoneOf: (name) => tombstones.get(name),
      load: (wanted, asked) =>
        withDeadline(place, repository, asked?.signal, (each) => load(wanted, { signal: each })),
      raw(name) {
        if (files.has(name)) return values.get(name) ?? "broken";
        if (tombstones.has(name)) return undefined;
        const line = packed?.value.find(name);
        return line === undefined ? undefined : { oid: line.oid };
      },
      under,
    };
  });
}

/** The folders below `refs/` that lie wholly behind a key, for listing them beside each other. */
async function topFolders(
  bucket: Bucket,
  base: string,
  last: string,
  signal: AbortSignal | undefined,
): Promise<readonly string[]> {
  const [, folder = ""] = last.slice(base.length).split("/");
  // Behind all keys of the folder that the first page has ended in.
  const after = `${base}refs/${folder}0`;
  const { prefixes } = await bucket.list("ref", `${base}refs/`, after, { delimiter: "/", signal });
  return prefixes;
}

/** Runs a listing within the time that one may take. */
async function withDeadline<T>(
  { settings }: BarePlace,
  { base }: BareRepository,
  signal: AbortSignal | undefined,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  signal?.throwIfAborted();
  const deadline = AbortSignal.timeout(settings.listRefsTimeoutMs);
  try {
    return await work(signal === undefined ? deadline : AbortSignal.any([signal, deadline]));
  } catch (cause) {
    signal?.throwIfAborted();
    if (!deadline.aborted) throw cause;
    const message = `${base}refs/: not listed within ${settings.listRefsTimeoutMs} ms`;
    throw new StorageError("STORAGE_IO", message, { cause, key: `${base}refs/` });
  }
}
