import {
  type Oid,
  type OperationOptions,
  isOid,
  oidFromBytes,
  oidToBytes,
  readCommitLinks,
  walkTree,
} from "@millrace/pack";
import type { Snapshot } from "@millrace/storage";
import { badRequest } from "../errors.ts";
import { findRefs } from "../fetch/find-ref.ts";
import type { ObjectReader } from "../objects/object-view.ts";
import { peelTag } from "../walk/reaches-common.ts";
import { type SparsePatterns, parseSparsePatterns } from "./sparse-patterns.ts";

/** Larger pattern files would make every path dear. */
const MAX_PATTERN_BYTES = 1024 * 1024;

/**
 * Reads the patterns that `sparse:oid=<blob-ish>` names: an id, a ref, or `<id or ref>:<path>`.
 * Throws `REPOSITORY_BAD_REQUEST` where that is no blob, or one of more than 1 MiB.
 */
export async function loadSparsePatterns(
  snapshot: Snapshot,
  reader: ObjectReader,
  blobIsh: string,
  options: OperationOptions = {},
): Promise<SparsePatterns> {
  const oid = await findBlob(snapshot, reader, blobIsh, options);
  const bytes = oid === undefined ? undefined : oidToBytes(oid);
  const info = bytes === undefined ? undefined : await reader.info(bytes);
  if (bytes === undefined || info?.type !== "blob") {
    throw badRequest(`unable to access sparse blob in '${blobIsh}'`);
  }
  if (info.sizeBytes > MAX_PATTERN_BYTES) {
    throw badRequest(`unable to parse sparse filter data in ${oid}`);
  }
  return parseSparsePatterns((await reader.read(bytes)).content);
}

async function findBlob(
  snapshot: Snapshot,
  reader: ObjectReader,
  blobIsh: string,
  options: OperationOptions,
): Promise<Oid | undefined> {
  const colon = blobIsh.indexOf(":");
  const revision = colon < 0 ? blobIsh : blobIsh.slice(0, colon);
  const start = isOid(revision, reader.format) ? revision : (await findRefs(snapshot, revision, options))[0];
  if (start === undefined) return undefined;
  const peeled = await peelTag(reader, start);
  return colon < 0 ? peeled : findPath(reader, peeled, blobIsh.slice(colon + 1));
}

async function findPath(reader: ObjectReader, start: Oid, path: string): Promise<Oid | undefined> {
  let oid: Oid | undefined = await rootTree(reader, start);
  for (const part of Buffer.from(path).toString("latin1").split("/")) {
    if (oid === undefined) return undefined;
    oid = await findEntry(reader, oid, part);
  }
  return oid;
}

async function rootTree(reader: ObjectReader, oid: Oid): Promise<Oid | undefined> {
  const bytes = oidToBytes(oid);
  const info = await reader.info(bytes);
  if (info?.type === "commit") {
    return readCommitLinks((await reader.read(bytes)).content, reader.format).tree;
  }
  return info?.type === "tree" ? oid : undefined;
}

async function findEntry(reader: ObjectReader, tree: Oid, name: string): Promise<Oid | undefined> {
  const bytes = oidToBytes(tree);
  if ((await reader.info(bytes))?.type !== "tree") return undefined;
  const { content } = await reader.read(bytes);
  let found: Oid | undefined;
  walkTree(content, reader.format, (_mode, oidOffset, nameStart, nameEnd) => {
    if (found !== undefined || nameEnd - nameStart !== name.length) return;
    for (let i = 0; i < name.length; i++) {
      if (content[nameStart + i] !== name.charCodeAt(i)) return;
    }
    found = oidFromBytes(content, oidOffset, reader.format);
  });
  return found;
}
