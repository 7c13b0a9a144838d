import type { ServerResponse } from "node:http";
import type { BucketContents } from "./bucket-contents.ts";
import { listObjects, listUploads } from "./listings.ts";
import { notImplemented, S3Fault } from "./s3-fault.ts";
import { type S3Request, textOf } from "./s3-request.ts";
import { toXml, type Xml } from "./xml.ts";

const MAX_KEYS = 1000;
const OBJECT_QUERY = new Set([
  "list-type",
  "prefix",
  "delimiter",
  "start-after",
  "continuation-token",
  "max-keys",
]);
const UPLOADS_QUERY = new Set(["uploads", "prefix", "key-marker", "upload-id-marker", "max-uploads"]);

/** Answers what is asked of a bucket as a whole: its two listings. */
export function answerBucket(contents: BucketContents, request: S3Request, response: ServerResponse): void {
  const { method, query } = request;
  if (method === "GET" && query.get("list-type") === "2") {
    checkQuery(query, OBJECT_QUERY);
    sendXml(response, "ListBucketResult", objectsOf(contents, request));
  } else if (method === "GET" && query.has("uploads")) {
    checkQuery(query, UPLOADS_QUERY);
    sendXml(response, "ListMultipartUploadsResult", uploadsOf(contents, request));
  } else throw notImplemented(`${method} of a bucket with ${[...query.keys()].join(", ") || "no query"}`);
}

function objectsOf(contents: BucketContents, { query, bucketName }: S3Request): Xml {
  const prefix = query.get("prefix") ?? "";
  const delimiter = query.get("delimiter") || undefined;
  const maxKeys = limitOf(query.get("max-keys"));
  const token = query.get("continuation-token");
  const after = token === undefined ? (query.get("start-after") ?? "") : fromToken(token);
  const { keys, prefixes, next } = listObjects(contents, { prefix, delimiter, after, maxKeys });
  return {
    Name: bucketName,
    Prefix: textOf(prefix),
    MaxKeys: `${maxKeys}`,
    IsTruncated: `${next !== undefined}`,
    NextContinuationToken: next === undefined ? undefined : toToken(next),
    KeyCount: `${keys.length + prefixes.length}`,
    Contents: keys.map(([key, { modifiedMs, etag, sizeBytes }]) => ({
      Key: textOf(key),
      LastModified: new Date(modifiedMs).toISOString(),
      ETag: etag,
      Size: `${sizeBytes}`,
      StorageClass: "STANDARD",
    })),
    CommonPrefixes: prefixes.map((each) => ({ Prefix: textOf(each) })),
  };
}

function uploadsOf(contents: BucketContents, { query, bucketName }: S3Request): Xml {
  const prefix = query.get("prefix") ?? "";
  const keyMarker = query.get("key-marker") ?? "";
  const idMarker = query.get("upload-id-marker") ?? "";
  const maxUploads = limitOf(query.get("max-uploads"));
  const { found, isTruncated } = listUploads(contents, { prefix, keyMarker, idMarker, maxUploads });
  const last = found.at(-1);
  return {
    Bucket: bucketName,
    Prefix: textOf(prefix) || undefined,
    KeyMarker: textOf(keyMarker) || undefined,
    UploadIdMarker: idMarker || undefined,
    MaxUploads: `${maxUploads}`,
    IsTruncated: `${isTruncated}`,
    NextKeyMarker: last === undefined ? undefined : textOf(last.key),
    NextUploadIdMarker: last?.id,
    Upload: found.map(({ key, id, startedMs }) => ({
      Key: textOf(key),
      UploadId: id,
      Initiated: new Date(startedMs).toISOString(),
    })),
  };
}

/** Refuses what would be passed over. */
export function checkQuery(query: ReadonlyMap<string, string>, known: ReadonlySet<string>): void {
  for (const name of query.keys()) if (!known.has(name)) throw notImplemented(`query ${name}`);
}

export function sendXml(response: ServerResponse, root: string, content: Xml): void {
  response.setHeader("Content-Type", "application/xml").end(toXml(root, content));
}

function limitOf(text: string | undefined): number {
  const limit = Number(text ?? MAX_KEYS);
  if (!Number.isInteger(limit) || limit < 0) throw new S3Fault(400, "InvalidArgument");
  return Math.min(limit, MAX_KEYS);
}

function toToken(last: string): string {
  return Buffer.from(last, "latin1").toString("base64url");
}

function fromToken(token: string): string {
  return Buffer.from(token, "base64url").toString("latin1");
}
