import { S3Client, type S3ClientConfig } from "@aws-sdk/client-s3";
import { NodeHttpHandler } from "@smithy/node-http-handler";
import { Agent as HttpAgent } from "node:http";
import { Agent as HttpsAgent } from "node:https";
import type { S3BucketOptions, S3Credentials } from "../schema.ts";
import { type Bucket, createBucket } from "./bucket.ts";

const CONNECT_TIMEOUT_MS = 5000;

/** Opens a bucket with a pool of connections of its own. Nothing is asked of it yet. */
export function openBucket(options: S3BucketOptions): Bucket {
  const { endpoint, credentials, maxConnections = 64 } = options;
  const region = options.region ?? (endpoint === undefined ? undefined : "us-east-1");
  const agent = { keepAlive: true, maxSockets: maxConnections };
  const client = new S3Client({
    ...(endpoint === undefined ? {} : { endpoint }),
    ...(region === undefined ? {} : { region }),
    ...(credentials === undefined ? {} : { credentials: identityOf(credentials) }),
    forcePathStyle: options.forcePathStyle ?? endpoint !== undefined,
    // A write whose answer was lost would be lost against itself: who writes decides what to try again.
    maxAttempts: 1,
    // Other stores than AWS do not all know the newer checksums.
    requestChecksumCalculation: "WHEN_REQUIRED",
    responseChecksumValidation: "WHEN_REQUIRED",
    requestHandler: new NodeHttpHandler({
      connectionTimeout: CONNECT_TIMEOUT_MS,
      httpAgent: new HttpAgent(agent),
      httpsAgent: new HttpsAgent(agent),
    }),
  });
  return createBucket(client, options.bucket, {
    attemptTimeoutMs: options.attemptTimeoutMs ?? 30_000,
    requestTimeoutMs: options.requestTimeoutMs ?? 90_000,
    maxAttempts: options.maxAttempts ?? 6,
    retryDelayMs: options.retryDelayMs ?? 100,
  });
}

function identityOf({
  accessKeyId,
  secretAccessKey,
  sessionToken,
}: S3Credentials): NonNullable<S3ClientConfig["credentials"]> {
  const keys = { accessKeyId, secretAccessKey };
  return sessionToken === undefined ? keys : { ...keys, sessionToken };
}
