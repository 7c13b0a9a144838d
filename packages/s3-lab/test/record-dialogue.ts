import { S3Client } from "@aws-sdk/client-s3";
import { createBucket, type S3Endpoint, type TestBucket } from "../src/index.ts";

/** What is kept of an answer: all that may not differ between stores. */
export interface Answer {
  readonly what: string;
  readonly status: number;
  /** The code of a refusal. */
  readonly code?: string;
  readonly headers: Readonly<Record<string, string>>;
  /** The fields of the answer, and the body as text. */
  readonly fields?: unknown;
}

/** What a dialogue works with: a bucket of its own, and a way to ask that keeps what is answered. */
export interface Dialogue {
  readonly Bucket: string;
  /** Sends a command; answers its fields, or what refused it. */
  ask(what: string, command: object): Promise<Readonly<Record<string, unknown>>>;
}

const HEADERS = ["etag", "content-range", "content-type", "x-amz-meta-writer"];
/** Tells of times, ids, places and versions, or of what only one of them cares to say. */
const DIFFERING = new Set([
  "$metadata",
  "LastModified",
  "Initiated",
  "UploadId",
  "UploadIdMarker",
  "NextUploadIdMarker",
  "Location",
  "Owner",
  "Initiator",
  "PartsCount",
  "StorageClass",
  "ChecksumAlgorithm",
  "ChecksumType",
]);

/** Holds a dialogue with a store and tells what was answered, in order. */
export async function recordDialogue(
  endpoint: S3Endpoint,
  dialogue: (with_: Dialogue) => Promise<void>,
): Promise<readonly Answer[]> {
  const { name }: TestBucket = await createBucket(endpoint);
  const { url, region, accessKeyId, secretAccessKey } = endpoint;
  const client = new S3Client({
    endpoint: url,
    region,
    credentials: { accessKeyId, secretAccessKey },
    forcePathStyle: true,
    maxAttempts: 1,
    requestChecksumCalculation: "WHEN_REQUIRED",
    responseChecksumValidation: "WHEN_REQUIRED",
  });
  const answers: Answer[] = [];
  let headers: Readonly<Record<string, string>> = {};
  client.middlewareStack.add(
    (next) => async (args) => {
      const result = await next(args);
      headers = (result.response as { readonly headers: Readonly<Record<string, string>> }).headers;
      return result;
    },
    { name: "keepHeaders", step: "deserialize", priority: "low" },
  );
  await dialogue({
    Bucket: name,
    async ask(what, command) {
      try {
        const output = (await client.send(command as Command)) as Record<string, unknown> & Answered;
        const body = await output.Body?.transformToString("latin1");
        const fields = comparable({ ...output, Body: body });
        answers.push({ what, status: output.$metadata.httpStatusCode ?? 0, headers: kept(headers), fields });
        return output;
      } catch (error) {
        const { name: code, $metadata } = error as Error & Answered;
        if ($metadata?.httpStatusCode === undefined) throw error;
        answers.push({ what, status: $metadata.httpStatusCode, code, headers: {} });
        return { code };
      }
    },
  });
  client.destroy();
  return answers.map((answer) => JSON.parse(JSON.stringify(answer).replaceAll(name, "<bucket>")) as Answer);
}

type Command = Parameters<S3Client["send"]>[0];

interface Answered {
  readonly $metadata: { readonly httpStatusCode?: number | undefined };
  readonly Body?: { transformToString(encoding: string): Promise<string> } | undefined;
}

function kept(headers: Readonly<Record<string, string>>): Readonly<Record<string, string>> {
  return Object.fromEntries(
    HEADERS.flatMap((name) => (headers[name] === undefined ? [] : [[name, headers[name]]])),
  );
}

function comparable(value: unknown): unknown {
  if (Array.isArray(value)) return value.map(comparable);
  if (typeof value !== "object" || value === null || value instanceof Date) return value;
  const fields = Object.entries(value).filter(([name, field]) => !DIFFERING.has(name) && field !== undefined);
  return Object.fromEntries(
    fields.sort(([a], [b]) => (a < b ? -1 : 1)).map(([name, field]) => [name, comparable(field)]),
  );
}
