import { randomBytes } from "node:crypto";
import {
  CreateBucketCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  DeleteObjectCommand,
  S3Client,
} from "@aws-sdk/client-s3";
import type { S3Endpoint } from "./s3-endpoint.ts";

/** A bucket of a test's own, with what a test wants to see and do behind the server's back. */
export interface TestBucket {
  readonly name: string;
  readonly endpoint: S3Endpoint;
  readonly client: S3Client;
  keys(prefix?: string): Promise<string[]>;
  get(key: string): Promise<Uint8Array>;
  put(key: string, body: Uint8Array | string): Promise<void>;
  delete(key: string): Promise<void>;
}

/** Makes an empty bucket; it goes with the server. */
export async function createBucket(endpoint: S3Endpoint): Promise<TestBucket> {
  const { url, region, accessKeyId, secretAccessKey } = endpoint;
  const credentials = { accessKeyId, secretAccessKey };
  const client = new S3Client({ endpoint: url, region, credentials, forcePathStyle: true });
  const name = `millrace-${randomBytes(8).toString("hex")}`;
  await client.send(new CreateBucketCommand({ Bucket: name }));
  return {
    name,
    endpoint,
    client,
    async keys(prefix = "") {
      const keys: string[] = [];
      for (let token: string | undefined; ; ) {
        const page = await client.send(
          new ListObjectsV2Command({ Bucket: name, Prefix: prefix, ContinuationToken: token }),
        );
        for (const { Key } of page.Contents ?? []) if (Key !== undefined) keys.push(Key);
        token = page.NextContinuationToken;
        if (token === undefined) return keys;
      }
    },
    async get(key) {
      const { Body } = await client.send(new GetObjectCommand({ Bucket: name, Key: key }));
      return (await Body?.transformToByteArray()) ?? new Uint8Array();
    },
    async put(key, body) {
      await client.send(new PutObjectCommand({ Bucket: name, Key: key, Body: body }));
    },
    async delete(key) {
      await client.send(new DeleteObjectCommand({ Bucket: name, Key: key }));
    },
  };
}
