import {
  createHasher,
  deflateContent,
  encodeDelta,
  encodeEntryHeader,
  KIND_REF_DELTA,
  kindOfObjectType,
  type ObjectFormat,
  type Oid,
  oidToBytes,
} from "@millrace/pack";
import type { FetchedObject, GitObject } from "../source/object-source.ts";

/** An object to be sent, and one that the server has and that it may be told as a difference to. */
export interface ThinEntry extends FetchedObject {
  readonly base?: (GitObject & { readonly oid: Oid }) | undefined;
}

/** Deltas are not looked for in what is larger: the coder needs both sides and an index in its memory. */
const MAX_DELTA_BYTES = 32 * 1024 * 1024;
/** What a base's id takes, and a gain that is worth the server's work. */
const MIN_GAIN_BYTES = 40;

/**
 * A pack of these objects (gitformat-pack), each whole or as a delta against its base, which is not in the pack: the
 * receiver has it ("thin pack").
 */
export async function* writeThinPack(
  format: ObjectFormat,
  entries: readonly ThinEntry[],
  signal: AbortSignal | undefined,
): AsyncGenerator<Uint8Array, void, undefined> {
  const hasher = createHasher(format);
  const header = Buffer.from("PACK\0\0\0\u0002\0\0\0\0", "latin1");
  header.writeUInt32BE(entries.length, 8);
  hasher.update(header);
  yield header;
  for (const entry of entries) {
    signal?.throwIfAborted();
    const delta = deltaOf(entry);
    const [head, body] =
      delta === undefined || entry.base === undefined
        ? [encodeEntryHeader(kindOfObjectType(entry.type), entry.content.length), entry.content]
        : [encodeEntryHeader(KIND_REF_DELTA, delta.length, oidToBytes(entry.base.oid)), delta];
    const packed = Buffer.concat([head, await deflateContent(body)]);
    hasher.update(packed);
    yield packed;
  }
  yield hasher.digest();
}

function deltaOf({ type, content, base }: ThinEntry): Uint8Array | undefined {
  if (base === undefined || base.type !== type) return undefined;
  if (Math.max(content.length, base.content.length) > MAX_DELTA_BYTES) return undefined;
  const longest = content.length - MIN_GAIN_BYTES;
  return longest <= 0 ? undefined : encodeDelta(base.content, content, longest);
}
