import { crc32 } from "node:zlib";
import { PackError } from "../errors.ts";
import { createHasher } from "../hash.ts";
import { oidToBytes } from "../object-id.ts";
import type { RandomAccess } from "../random-access.ts";
import type { PackedObject } from "../read/pack-reader.ts";
import { encodeEntryHeader, kindOfObjectType } from "../scan/pack-entry.ts";
import type { ObjectFormat, Oid } from "../schema.ts";
import { deflateContent } from "../inflate/deflate.ts";
import type { EntryTable } from "./entry-table.ts";
import { inTurn, LARGE_BYTES } from "./large-turn.ts";
import type { LinkOutput } from "./link-output.ts";
import type { Spool } from "./spool.ts";

const READ_BYTES = 1024 * 1024;

/** What completing a pack needs. */
export interface CompleteOptions {
  readonly resolveBase: (oid: Oid) => Promise<PackedObject | undefined>;
  readonly sizeOfBase: ((oid: Oid) => Promise<number | undefined>) | undefined;
  readonly links: LinkOutput;
  readonly spool: Spool;
  readonly signal: AbortSignal | undefined;
}

/** Appends the bases that a thin pack lacks, each as a whole object (git index-pack --fix-thin). Throws PACK_MISSING_BASE. */
export async function appendBases(
  table: EntryTable,
  oids: readonly Oid[],
  options: CompleteOptions,
): Promise<void> {
  const { sizeOfBase, signal } = options;
  for (const oid of oids) {
    signal?.throwIfAborted();
    const append = (): Promise<void> => appendBase(table, oid, options);
    if (((await sizeOfBase?.(oid)) ?? 0) > LARGE_BYTES) await inTurn(signal, append);
    else await append();
  }
}

async function appendBase(
  table: EntryTable,
  oid: Oid,
  { resolveBase, links, spool }: CompleteOptions,
): Promise<void> {
  const base = await resolveBase(oid);
  if (base === undefined) {
    throw new PackError("PACK_MISSING_BASE", `delta base ${oid} has gone meanwhile`, { oid });
  }
  const kind = kindOfObjectType(base.type);
  const header = encodeEntryHeader(kind, base.content.length);
  const packed = await deflateContent(base.content);
  const entry = table.add(table.bodyEnd, kind, base.content.length, header.length);
  table.oids.set(oidToBytes(oid), entry * table.hashBytes);
  table.types[entry] = kind;
  table.objectSizes[entry] = base.content.length;
  links.add(entry, base.type, base.content);
  table.crcs[entry] = crc32(packed, crc32(header));
  await spool.write(header);
  await spool.write(packed);
  table.bodyEnd += header.length + packed.length;
}

/** The trailer of a pack with this header and the stored bytes from the header to `bodyEnd`. */
export async function hashPack(
  format: ObjectFormat,
  header: Uint8Array,
  stored: RandomAccess,
  bodyEnd: number,
  signal: AbortSignal | undefined,
): Promise<Uint8Array> {
  const hasher = createHasher(format);
  hasher.update(header);
  for (let at = header.length; at < bodyEnd; ) {
    signal?.throwIfAborted();
    const bytes = await stored.read(at, Math.min(READ_BYTES, bodyEnd - at), { signal });
    if (bytes.length === 0) {
      throw new PackError("PACK_TRUNCATED", "the stored pack is shorter than what was written", {
        offset: at,
      });
    }
    hasher.update(bytes);
    at += bytes.length;
  }
  return hasher.digest();
}
