import { isOid, type Oid, type OperationOptions } from "@millrace/pack";
import { StorageError } from "@millrace/storage";
import type { ListedKey } from "../bucket/bucket.ts";
import type { BarePlace, BareRepository } from "./bare-repository.ts";
import { listAll } from "./list-keys.ts";

/** A pack with the files beside it, by their endings. */
export interface ListedPack {
  readonly id: string;
  readonly pack: ListedKey;
  readonly beside: ReadonlyMap<string, ListedKey>;
}

/** What lies below `objects/`. */
export interface ObjectListing {
  /** Those whose pack and index are both there, newest first. */
  readonly packs: readonly ListedPack[];
  readonly loose: ReadonlyMap<Oid, ListedKey>;
}

const PACK_FILE = /^pack\/pack-([0-9a-f]+)\.([a-z]+)$/;
const LOOSE_FILE = /^([0-9a-f]{2})\/([0-9a-f]+)$/;
/** Stretches that a listing of many loose objects is cut into. */
const STRETCHES = ["2", "4", "6", "8", "a", "c", "e"];

/**
 * Lists all objects, flat and once. Packs are told by their names, which are their checksums but for packs of gits before
 * 1.8.4. Throws `STORAGE_UNSUPPORTED` where objects are borrowed from elsewhere.
 */
export async function listObjects(
  { bucket }: BarePlace,
  { base, objectFormat, landed }: BareRepository,
  { signal }: OperationOptions,
): Promise<ObjectListing> {
  const prefix = `${base}objects/`;
  const split = async (last: string): Promise<readonly string[]> =>
    [...STRETCHES.map((digit) => `${prefix}${digit}`), `${prefix}info/`, `${prefix}pack/`].filter(
      (key) => key > last,
    );
  const files = new Map<string, Map<string, ListedKey>>();
  const loose = new Map<Oid, ListedKey>();
  for (const listed of await listAll(bucket, prefix, { kind: "file", split, signal })) {
    const name = listed.key.slice(prefix.length);
    if (name === "info/alternates" && listed.sizeBytes > 0) throw borrows(listed.key);
    const packed = PACK_FILE.exec(name);
    const single = packed === null ? LOOSE_FILE.exec(name) : null;
    if (packed !== null) {
      const [, id, ending] = packed as unknown as [string, string, string];
      if (!isOid(id, objectFormat)) continue;
      const beside = files.get(id) ?? new Map<string, ListedKey>();
      files.set(id, beside.set(ending, listed));
    } else if (single !== null) {
      const oid = `${single[1]}${single[2]}`;
      if (isOid(oid, objectFormat)) loose.set(oid, listed);
    }
  }
  const packs: ListedPack[] = [];
  for (const [id, beside] of files) {
    const pack = beside.get("pack");
    if (pack !== undefined && beside.has("idx")) packs.push({ id, pack, beside });
  }
  const turn = ({ id }: ListedPack): number => landed.get(id) ?? 0;
  packs.sort((a, b) => b.pack.modifiedMs - a.pack.modifiedMs || turn(b) - turn(a) || (a.id < b.id ? -1 : 1));
  return { packs, loose };
}

function borrows(key: string): StorageError {
  const message = `${key}: objects that are borrowed from another repository are not read: repack it with its own`;
  return new StorageError("STORAGE_UNSUPPORTED", message, { key });
}
