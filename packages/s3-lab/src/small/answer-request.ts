import type { IncomingMessage, ServerResponse } from "node:http";
import { type BucketContents, createBucketContents } from "./bucket-contents.ts";
import { answerBucket } from "./answer-bucket.ts";
import { answerObject } from "./answer-object.ts";
import { notImplemented, S3Fault } from "./s3-fault.ts";
import { parseRequest } from "./s3-request.ts";
import { checkSignature, type SigningKeys } from "./signature.ts";
import { toXml } from "./xml.ts";

/** What the server holds. */
export interface SmallPlace {
  /** Where large bodies lie. */
  readonly folder: string;
  readonly keys: SigningKeys;
  readonly buckets: Map<string, BucketContents>;
}

/** Answers one request; faults as XML with their code. A connection that breaks is given up. */
export async function answerRequest(
  place: SmallPlace,
  incoming: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  try {
    await dispatch(place, incoming, response);
  } catch (error) {
    // Whoever is still sending hears the answer first, and then that nobody listens.
    incoming.resume();
    if (response.headersSent || incoming.errored !== null) return void response.destroy();
    answerFault(error, incoming, response);
  }
}

async function dispatch(
  place: SmallPlace,
  incoming: IncomingMessage,
  response: ServerResponse,
): Promise<void> {
  checkSignature(incoming, place.keys);
  const request = parseRequest(incoming);
  const { bucketName, key, method } = request;
  if (bucketName === "") throw notImplemented("requests without a bucket");
  if (key === "" && method === "PUT" && request.query.size === 0) {
    if (!place.buckets.has(bucketName)) place.buckets.set(bucketName, createBucketContents());
    response.setHeader("Location", `/${bucketName}`).end();
    return;
  }
  const contents = place.buckets.get(bucketName);
  if (contents === undefined) throw new S3Fault(404, "NoSuchBucket");
  if (key === "") answerBucket(contents, request, response);
  else await answerObject({ contents, folder: place.folder }, request, response);
}

function answerFault(error: unknown, incoming: IncomingMessage, response: ServerResponse): void {
  const fault = error instanceof S3Fault ? error : new S3Fault(500, "InternalError", String(error));
  response.statusCode = fault.status;
  if (fault.status === 304 || incoming.method === "HEAD") return void response.end();
  const body = toXml("Error", { Code: fault.code, Message: fault.message, Resource: incoming.url ?? "" });
  response.setHeader("Content-Type", "application/xml").end(body);
}
