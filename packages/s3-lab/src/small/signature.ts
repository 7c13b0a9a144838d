import { createHash, createHmac, timingSafeEqual } from "node:crypto";
import type { IncomingMessage } from "node:http";
import { S3Fault } from "./s3-fault.ts";

/** The one pair of keys that requests may be signed with. */
export interface SigningKeys {
  readonly accessKeyId: string;
  readonly secretAccessKey: string;
}

const ALGORITHM = "AWS4-HMAC-SHA256";
const HEADER =
  /^AWS4-HMAC-SHA256 Credential=([^/,]+)\/(\d{8})\/([^/,]+)\/s3\/aws4_request, ?SignedHeaders=([a-z0-9;-]+), ?Signature=([0-9a-f]{64})$/;
/** How far the clocks of two machines may be apart. */
const MAX_SKEW_MS = 15 * 60 * 1000;

/**
 * Checks who has sent a request, by the head alone (AWS Signature Version 4, in the `Authorization` header): the body is
 * taken for what `x-amz-content-sha256` says of it. Throws `S3Fault` with the codes of S3.
 */
export function checkSignature(
  request: IncomingMessage,
  { accessKeyId, secretAccessKey }: SigningKeys,
): void {
  const { authorization } = request.headers;
  if (authorization === undefined) throw new S3Fault(403, "AccessDenied");
  const [, id, day = "", region = "", signedHeaders = "", signature = ""] = HEADER.exec(authorization) ?? [];
  if (id === undefined) throw new S3Fault(400, "InvalidArgument", "no such way to sign");
  if (id !== accessKeyId) throw new S3Fault(403, "InvalidAccessKeyId");
  const time = text(request, "x-amz-date");
  if (!(Math.abs(timeOf(time) - Date.now()) <= MAX_SKEW_MS)) throw new S3Fault(403, "RequestTimeTooSkewed");

  const canonical = [
    request.method,
    ...canonicalTarget(request.url ?? ""),
    ...signedHeaders.split(";").map((name) => `${name}:${text(request, name).trim().replace(/ +/g, " ")}`),
    "",
    signedHeaders,
    text(request, "x-amz-content-sha256"),
  ].join("\n");
  const hash = createHash("sha256").update(canonical).digest("hex");
  const toSign = [ALGORITHM, time, `${day}/${region}/s3/aws4_request`, hash].join("\n");
  const key = [day, region, "s3", "aws4_request"].reduce<string | Buffer>(
    (secret, part) => createHmac("sha256", secret).update(part).digest(),
    `AWS4${secretAccessKey}`,
  );
  const expected = createHmac("sha256", key).update(toSign).digest();
  if (!timingSafeEqual(expected, Buffer.from(signature, "hex")))
    throw new S3Fault(403, "SignatureDoesNotMatch");
}

/** Path as sent, and the query in order. */
function canonicalTarget(url: string): [string, string] {
  const [path = "", query = ""] = url.split("?", 2);
  const pairs = query === "" ? [] : query.split("&").map((pair) => (pair.includes("=") ? pair : `${pair}=`));
  return [path, pairs.sort().join("&")];
}

function text({ headers }: IncomingMessage, name: string): string {
  const value = headers[name];
  return Array.isArray(value) ? value.join(",") : (value ?? "");
}

/** `20260131T235959Z` in milliseconds since 1970; else no number. */
function timeOf(date: string): number {
  return Date.parse(date.replace(/^(\d{4})(\d\d)(\d\d)T(\d\d)(\d\d)(\d\d)Z$/, "$1-$2-$3T$4:$5:$6Z"));
}
