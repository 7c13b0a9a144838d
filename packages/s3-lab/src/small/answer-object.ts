import type { IncomingMessage, ServerResponse } from "node:http";
import { pipeline } from "node:stream/promises";
import { checkQuery, sendXml } from "./answer-bucket.ts";
import {
  type BucketContents,
  type Conditions,
  isEtag,
  type NamedPart,
  type StoredObject,
} from "./bucket-contents.ts";
import { rangeOf } from "./range.ts";
import { notImplemented, preconditionFailed, S3Fault } from "./s3-fault.ts";
import { type S3Request, textOf } from "./s3-request.ts";
import { readBody, receiveBody } from "./stored-body.ts";
import { unescaped } from "./xml.ts";

/** Where an object is asked for. */
export interface ObjectPlace {
  readonly contents: BucketContents;
  /** Where large bodies lie. */
  readonly folder: string;
}

/** What a list of parts may take, in bytes: there are 10,000 at most. */
const MAX_LIST_BYTES = 2 * 1024 * 1024;
const MAX_PARTS = 10_000;
const QUERY = new Set(["uploads", "uploadId", "partNumber"]);

type Answer = (place: ObjectPlace, request: S3Request, response: ServerResponse) => Promise<void> | void;

/** What can be asked, by method, and by whether it is about an upload. */
const answers: Readonly<Record<string, Answer>> = {
  GET: sendObject,
  HEAD: sendObject,
  PUT: putObject,
  DELETE: deleteObject,
  "POST uploads": beginUpload,
  "PUT uploadId": putPart,
  "POST uploadId": completeUpload,
  "DELETE uploadId": abortUpload,
};

/** Answers what is asked of one key. */
export async function answerObject(
  place: ObjectPlace,
  request: S3Request,
  response: ServerResponse,
): Promise<void> {
  const { method, query, incoming } = request;
  checkQuery(query, QUERY);
  for (const header of ["x-amz-copy-source", "content-encoding"])
    if (incoming.headers[header] !== undefined) throw notImplemented(`header ${header}`);
  const about = ["uploads", "uploadId"].filter((name) => query.has(name));
  const answer = answers[[method, ...about].join(" ")];
  if (answer === undefined) throw notImplemented(`${method} of a key`);
  await answer(place, request, response);
}

async function sendObject(
  { contents }: ObjectPlace,
  { method, key, incoming }: S3Request,
  response: ServerResponse,
): Promise<void> {
  const object = contents.objects.get(key);
  if (object === undefined) throw new S3Fault(404, "NoSuchKey");
  const { ifMatch, ifNoneMatch } = conditionsOf(incoming);
  const { etag, sizeBytes } = object;
  if (ifMatch !== undefined && !isEtag(ifMatch, etag)) throw preconditionFailed();
  if (ifNoneMatch !== undefined && isEtag(ifNoneMatch, etag)) throw new S3Fault(304, "NotModified");
  const range = rangeOf(incoming.headers.range, sizeBytes);
  const [from, to] = range ?? [0, sizeBytes];
  response.statusCode = range === undefined ? 200 : 206;
  response.setHeaders(headersOf(object));
  response.setHeader("Content-Length", to - from);
  if (range !== undefined) response.setHeader("Content-Range", `bytes ${from}-${to - 1}/${sizeBytes}`);
  if (method === "HEAD") response.end();
  else await pipeline(readBody(object, from, to), response);
}

async function putObject(
  { contents, folder }: ObjectPlace,
  { key, incoming }: S3Request,
  response: ServerResponse,
): Promise<void> {
  const body = await receiveBody(incoming, folder);
  const { etag } = contents.put(key, body, keptHeaders(incoming), conditionsOf(incoming));
  response.setHeader("ETag", etag).end();
}

function deleteObject(
  { contents }: ObjectPlace,
  { key, incoming }: S3Request,
  response: ServerResponse,
): void {
  contents.remove(key, conditionsOf(incoming));
  response.writeHead(204).end();
}

function beginUpload(
  { contents }: ObjectPlace,
  { bucketName, key, incoming }: S3Request,
  response: ServerResponse,
): void {
  const { id } = contents.begin(key, keptHeaders(incoming));
  const result = { Bucket: bucketName, Key: textOf(key), UploadId: id };
  sendXml(response, "InitiateMultipartUploadResult", result);
}

async function putPart(
  { contents, folder }: ObjectPlace,
  { key, query, incoming }: S3Request,
  response: ServerResponse,
): Promise<void> {
  const number = Number(query.get("partNumber"));
  if (!(Number.isInteger(number) && number >= 1 && number <= MAX_PARTS))
    throw new S3Fault(400, "InvalidArgument", "no such part number");
  const id = query.get("uploadId") ?? "";
  contents.upload(key, id);
  const body = await receiveBody(incoming, folder);
  // It may have ended meanwhile.
  response.setHeader("ETag", contents.putPart(contents.upload(key, id), number, body)).end();
}

async function completeUpload(
  { contents }: ObjectPlace,
  { key, query, bucketName, incoming }: S3Request,
  response: ServerResponse,
): Promise<void> {
  const parts = await receiveParts(incoming);
  const id = query.get("uploadId") ?? "";
  const { etag } = contents.complete({ key, id }, parts, conditionsOf(incoming));
  const location = `/${bucketName}/${textOf(key)}`;
  const result = { Location: location, Bucket: bucketName, Key: textOf(key), ETag: etag };
  sendXml(response, "CompleteMultipartUploadResult", result);
}

function abortUpload({ contents }: ObjectPlace, { key, query }: S3Request, response: ServerResponse): void {
  contents.abort(contents.upload(key, query.get("uploadId") ?? ""));
  response.writeHead(204).end();
}

/** Reads the list of parts that an upload is made of. */
async function receiveParts(incoming: IncomingMessage): Promise<readonly NamedPart[]> {
  if (!(Number(incoming.headers["content-length"]) <= MAX_LIST_BYTES)) throw new S3Fault(400, "MalformedXML");
  const chunks: Buffer[] = [];
  for await (const chunk of incoming) chunks.push(chunk as Buffer);
  const parts = [
    ...Buffer.concat(chunks)
      .toString()
      .matchAll(/<Part>(.*?)<\/Part>/gs),
  ].map(([, part = ""]) => ({
    number: Number(/<PartNumber>(\d+)<\/PartNumber>/.exec(part)?.[1] ?? Number.NaN),
    etag: unescaped(/<ETag>(.*?)<\/ETag>/.exec(part)?.[1] ?? ""),
  }));
  if (parts.length === 0 || parts.length > MAX_PARTS || parts.some(({ number }) => Number.isNaN(number)))
    throw new S3Fault(400, "MalformedXML");
  return parts;
}

function conditionsOf({ headers }: IncomingMessage): Conditions {
  return { ifMatch: headers["if-match"], ifNoneMatch: headers["if-none-match"] };
}

function headersOf({ headers, etag, modifiedMs }: StoredObject): Map<string, string> {
  const told = { "Accept-Ranges": "bytes", "Last-Modified": new Date(modifiedMs).toUTCString(), ETag: etag };
  return new Map(Object.entries({ ...headers, ...told }));
}

/** What goes out again with each answer. */
function keptHeaders({ headers }: IncomingMessage): Readonly<Record<string, string>> {
  const kept: Record<string, string> = { "content-type": headers["content-type"] ?? "binary/octet-stream" };
  for (const [name, value] of Object.entries(headers))
    if (name.startsWith("x-amz-meta-") && typeof value === "string") kept[name] = value;
  return kept;
}
