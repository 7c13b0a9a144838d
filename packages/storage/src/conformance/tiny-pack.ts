import {
  createHasher,
  deflateObject,
  encodeEntryHeader,
  encodePackHeader,
  hashObject,
  indexPack,
  type ObjectFormat,
  type ObjectType,
  type Oid,
  oidToBytes,
  type PackSink,
} from "@millrace/pack";

/** A whole pack in memory with one commit, its tree and its one file. */
export interface TinyPack {
  readonly id: string;
  readonly bytes: Uint8Array;
  readonly idx: Uint8Array;
  readonly rev: Uint8Array;
  /** The id of the commit. */
  readonly commit: Oid;
}

const KINDS: Readonly<Record<ObjectType, 1 | 2 | 3 | 4>> = { commit: 1, tree: 2, blob: 3, tag: 4 };

/** Builds a pack; another label makes other objects. Its objects satisfy `git fsck --strict`. */
export async function makeTinyPack(label: string, format: ObjectFormat = "sha1"): Promise<TinyPack> {
  const blob = Buffer.from(`${label}\n`);
  const tree = Buffer.concat([Buffer.from("100644 label\0"), hashObject(format, "blob", blob)]);
  const treeOid = Buffer.from(hashObject(format, "tree", tree)).toString("hex");
  const who = "Con Formance <conformance@example.org> 1700000000 +0000";
  const commit = Buffer.from(`tree ${treeOid}\nauthor ${who}\ncommitter ${who}\n\n${label}\n`);
  const body = [commit, tree, blob].map((content, index) => {
    const type = (["commit", "tree", "blob"] as const)[index] as ObjectType;
    return Buffer.concat([encodeEntryHeader(KINDS[type], content.length), deflateObject(content)]);
  });
  const packed = Buffer.concat([encodePackHeader(3), ...body]);
  const hasher = createHasher(format);
  hasher.update(packed);
  const trailer = hasher.digest();
  const bytes = Buffer.concat([packed, trailer]);
  const { idx, rev } = await indexPack([bytes], { format, sink: createNullSink(packed) });
  return {
    id: Buffer.from(trailer).toString("hex"),
    bytes,
    idx,
    rev,
    commit: Buffer.from(hashObject(format, "commit", commit)).toString("hex"),
  };
}

/** A sink that has the pack already. */
function createNullSink(bytes: Uint8Array): PackSink {
  return {
    write: async () => undefined,
    open: async () => ({
      sizeBytes: bytes.length,
      read: async (offset, length) => bytes.slice(offset, offset + length),
    }),
  };
}

/** An object id that no object has. */
export function unknownOid(format: ObjectFormat, digit = "e"): Oid {
  return Buffer.from(oidToBytes(digit.repeat(format === "sha1" ? 40 : 64))).toString("hex");
}
