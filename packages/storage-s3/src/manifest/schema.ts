import { isOid, ObjectFormat, type Oid } from "@millrace/pack";
import { ConfigEntry, type StoredNotice } from "@millrace/storage";
import { z } from "zod";

/** The form of manifests that this package writes. It reads older ones; the first had neither tables nor peeled ids. */
export const MANIFEST_FORMAT = 2;

/** Some bytes of a file: number of the file in the pack's list, offset, length. */
export type StoredPart = readonly [file: number, offset: number, sizeBytes: number];

/** An immutable file by its key below the prefix. */
export interface StoredFile {
  readonly key: string;
  readonly sizeBytes: number;
  /** Tells it from another of the same key, where keys come again. */
  readonly version?: string | undefined;
}

/** A pack and what lies beside it, in one file or several. */
export interface StoredPack {
  readonly id: string;
  /** When it came into the manifest, by the store's clock, in milliseconds since 1970. */
  readonly landedMs: number;
  readonly files: readonly StoredFile[];
  readonly pack: StoredPart;
  readonly idx: StoredPart;
  readonly rev?: StoredPart | undefined;
  readonly graph?: StoredPart | undefined;
  /** A cruft pack has it (gitformat-pack): it holds what nobody reached when it was made. */
  readonly mtimes?: StoredPart | undefined;
}

/** A file that nothing in the repository needs any more, and that is still read by who has an older view. */
export interface RemovedFile extends StoredFile {
  /** Since when, by the store's clock, in milliseconds since 1970. */
  readonly removedMs: number;
}

/** Refs in a file of their own (git's technical/reftable). */
export interface StoredTable extends StoredFile {
  /** Whether it tells of every tag what it points to; else a ref without that may be a tag, too. */
  readonly isPeeled: boolean;
}

/** A write that is in the manifest, by the random id of who wrote, and when that was by the store's clock. */
export type Transaction = readonly [id: string, atMs: number];

/** Who tidies the repository up, by a random id, and until when by the store's clock if it is not renewed. */
export interface StoredLease {
  readonly id: string;
  readonly untilMs: number;
}

/** All that a repository is at one instant, but for the content of files. */
export interface Manifest {
  readonly format: number;
  /** A random id that no other repository of this name has had. */
  readonly life: string;
  /** Counts the commits of this life. */
  readonly generation: number;
  /** Makes every version's ETag another one, also where a state comes again. */
  readonly nonce: string;
  readonly objectFormat: ObjectFormat;
  readonly config: readonly ConfigEntry[];
  readonly shallow: readonly Oid[];
  /**
   * By name, what lies over the tables: an id, behind it `^` and what it peels to (nothing for what is no tag) where that is
   * known; `@` and the name of another ref; `-` for what is gone. `HEAD` is among them.
   */
  readonly refs: Readonly<Record<string, string>>;
  /** Tables of refs, oldest first. */
  readonly tables: readonly StoredTable[];
  /** Newest first. */
  readonly packs: readonly StoredPack[];
  /** Files that are deleted when their grace time is over; those that the manifest names elsewhere are not among them. */
  readonly removed: readonly RemovedFile[];
  /** The last generation that dropped an object: what was proved connected before must be proved again. */
  readonly lossyRemovalAt: number;
  readonly lease?: StoredLease | undefined;
  /** What commits have left to be told, the oldest first. */
  readonly notices: readonly StoredNotice[];
  /** The newest writes, for writers whose answer was lost. */
  readonly transactions: readonly Transaction[];
}

/** What is left under the name of a repository that was removed. */
export interface Tombstone {
  readonly format: number;
  readonly removedLife: string;
  /** When, by the store's clock, in milliseconds since 1970. */
  readonly removedMs: number;
  readonly nonce: string;
  readonly transactions: readonly Transaction[];
}

const size = z.number().int().nonnegative();
const file = z.object({ key: z.string().regex(/^data\/[\w./-]+$/), sizeBytes: size });
const removedFile = file.extend({ removedMs: size });
const part = z.tuple([size, size, size]);
const id = z.string().regex(/^(?:[0-9a-f]{40}|[0-9a-f]{64})$/);
const transactions = z.array(z.tuple([z.string(), z.number()]));

const pack = z
  .object({
    id,
    landedMs: size,
    files: z.array(file),
    pack: part,
    idx: part,
    rev: part.optional(),
    graph: part.optional(),
    mtimes: part.optional(),
  })
  .refine(
    ({ files, pack, idx, rev, graph, mtimes }) =>
      [pack, idx, rev, graph, mtimes].every(
        (each) => each === undefined || each[1] + each[2] <= (files[each[0]]?.sizeBytes ?? -1),
      ),
    "a part lies outside of its file",
  );

const format = z.number().int().min(1).max(MANIFEST_FORMAT);

const manifest = z
  .object({
    format,
    life: z.uuid(),
    generation: size,
    nonce: z.string(),
    objectFormat: ObjectFormat,
    config: z.array(ConfigEntry),
    shallow: z.array(id),
    refs: z.record(z.string(), z.string().regex(/^(?:[0-9a-f]+(?:\^[0-9a-f]*)?|@refs\/.+|-)$/)),
    tables: z.array(file.extend({ isPeeled: z.boolean() })).default([]),
    packs: z.array(pack),
    removed: z.array(removedFile),
    lossyRemovalAt: size,
    lease: z.object({ id: z.string(), untilMs: size }).optional(),
    notices: z.array(z.object({ id: z.string(), text: z.string(), takenMs: size })).default([]),
    transactions,
  })
  .refine(
    ({ refs, objectFormat }) =>
      Object.values(refs).every((value) => {
        if (value === "-" || value.startsWith("@")) return true;
        const [oid = "", peeled = ""] = value.split("^");
        return isOid(oid, objectFormat) && (peeled === "" || isOid(peeled, objectFormat));
      }),
    "an id of another object format",
  );
const tombstone = z.object({
  format,
  removedLife: z.uuid(),
  removedMs: size,
  nonce: z.string(),
  transactions,
});

/** What lies under the key of a repository. */
export const ManifestFile: z.ZodType<Manifest | Tombstone> = z.union([tombstone, manifest]);

/** What every form of manifest has, this one and later ones. */
export const ManifestHead: z.ZodType<{ readonly format: number }> = z.object({ format: size });
