import { PackError } from "../errors.ts";
import { isOid, oidFromHexBytes } from "../object-id.ts";
import type { ObjectFormat, ObjectType, Oid } from "../schema.ts";
import {
  formatHeader,
  headerValue,
  joinHeaderBlock,
  type ObjectHeader,
  parseHeader,
  splitHeaderBlock,
} from "./header-lines.ts";

/** An annotated tag, kept so that encoding it gives back its bytes. Texts are latin1: one character a byte. */
export interface Tag {
  readonly object: Oid;
  readonly type: ObjectType;
  readonly tag: string;
  /** `Name <email> seconds zone`, as it stands; undefined where the line is missing, as in the oldest tags. */
  readonly tagger?: string | undefined;
  /** All other headers in their order. */
  readonly headers: readonly ObjectHeader[];
  /** The bytes after the blank line, a signature included; undefined where there is none. A view. */
  readonly message?: Uint8Array | undefined;
}

const TYPES: readonly ObjectType[] = ["commit", "tree", "blob", "tag"];
const OBJECT = "object ";
const TYPE = "type ";

/** Parses a tag; throws PACK_BAD_OBJECT where object, type or name are missing or malformed. */
export function parseTag(bytes: Uint8Array, format: ObjectFormat): Tag {
  const { lines, message } = splitHeaderBlock(bytes);
  const object = headerValue(lines[0], "object");
  if (object === undefined || !isOid(object, format)) throw bad("tag names no object");
  const type = TYPES.find((known) => known === headerValue(lines[1], "type"));
  if (type === undefined) throw bad("tag names no known type");
  const tag = headerValue(lines[2], "tag");
  if (tag === undefined) throw bad("tag has no name");
  const tagger = headerValue(lines[3], "tagger");
  const headers = lines.slice(tagger === undefined ? 3 : 4).map(parseHeader);
  return { object, type, tag, tagger, headers, message };
}

/** Encodes a tag; of a parsed one, its exact bytes. They belong to the caller. */
export function encodeTag(tag: Tag): Uint8Array {
  const lines = [`object ${tag.object}`, `type ${tag.type}`, `tag ${tag.tag}`];
  if (tag.tagger !== undefined) lines.push(`tagger ${tag.tagger}`);
  for (const header of tag.headers) lines.push(formatHeader(header));
  return joinHeaderBlock(lines, tag.message);
}

/** Reads only what a tag points to; throws PACK_BAD_OBJECT where that is missing or malformed. */
export function readTagTarget(bytes: Uint8Array, format: ObjectFormat): { oid: Oid; type: ObjectType } {
  const typeStart = OBJECT.length + (format === "sha1" ? 40 : 64) + 1;
  const head = Buffer.from(bytes.buffer, bytes.byteOffset, Math.min(bytes.length, typeStart + 16)).toString(
    "latin1",
  );
  const oid = oidFromHexBytes(bytes, OBJECT.length, format);
  if (oid === undefined || !head.startsWith(OBJECT) || head[typeStart - 1] !== "\n") {
    throw bad("tag names no object");
  }
  const type = TYPES.find((known) => head.startsWith(`${TYPE}${known}\n`, typeStart));
  if (type === undefined) throw bad("tag names no known type");
  return { oid, type };
}

function bad(message: string): PackError {
  return new PackError("PACK_BAD_OBJECT", message);
}
