import type { Readable } from "node:stream";
import type { OperationOptions } from "@millrace/pack";
import { StorageError } from "@millrace/storage";
import { span, type SpanHandle } from "@millrace/telemetry";
import {
  DeleteObjectCommand,
  GetObjectCommand,
  ListObjectsV2Command,
  PutObjectCommand,
  type S3Client,
} from "@aws-sdk/client-s3";
import { type AttemptPolicy, inAttempts, once } from "./attempts.ts";
import { kindOf, toStorageError } from "./fault.ts";
import { createStoreClock, type StoreClock, timeOf } from "./store-clock.ts";
import { createUploads } from "./uploads.ts";

/** What a key is for, as telemetry reports it. */
export type KeyKind = "manifest" | "ref" | "file" | "pack" | "table" | "probe";

/** A stored body and what tells this version from others. */
export interface Fetched {
  readonly bytes: Uint8Array;
  readonly etag: string;
  /** What the writer of this version signed it with, beside the body. */
  readonly writer?: string | undefined;
}

/** Under what condition a key is written: only if nothing is there, or only if it is this version. */
export type WriteCondition = { readonly isAbsent: true } | { readonly etag: string };

/** What came of a conditional write. */
export type WriteOutcome =
  | { readonly kind: "done"; readonly etag: string }
  /** Another writer was first, or the answer says so because this write was done by an attempt before: look. */
  | { readonly kind: "lost" }
  /** The answer did not come: it may be done, be done later, or never. */
  | { readonly kind: "unknown"; readonly cause: unknown };

export interface ListedKey {
  readonly key: string;
  readonly sizeBytes: number;
  readonly etag: string;
  /** When it was written, by the store's clock, in milliseconds since 1970. */
  readonly modifiedMs: number;
}

/** An upload that was begun and not finished. */
export interface ListedUpload {
  readonly key: string;
  readonly upload: string;
  /** When it was begun, by the store's clock, in milliseconds since 1970. */
  readonly startedMs: number;
}

export interface ListKeysOptions extends OperationOptions {
  readonly delimiter?: "/" | undefined;
}

/** One page of a listing. */
export interface ListedPage {
  readonly keys: readonly ListedKey[];
  /** What keys behind a delimiter start with, each once, the delimiter included. */
  readonly prefixes: readonly string[];
  readonly isLast: boolean;
}

/** Part of an upload that is there. */
export interface UploadedPart {
  readonly number: number;
  readonly etag: string;
}

/**
 * One bucket, by the few requests that are asked of it. All throw `STORAGE_FORBIDDEN`, `STORAGE_IO` with the key, or
 * `signal.reason`; what is absent is an answer only where it says so.
 */
export interface Bucket extends Disposable {
  readonly name: string;
  /** The time by the store's clock, as its answers tell it: see `StoreClock`. */
  nowMs(): number;
  /** The whole of a key; `undefined` where it is absent, `unchanged` where it is the version that `known` names. */
  get(
    kind: KeyKind,
    key: string,
    options?: OperationOptions & { readonly known?: string | undefined },
  ): Promise<Fetched | "unchanged" | undefined>;
  /** Bytes of a file that has them. Throws `STORAGE_NOT_FOUND`, and `STORAGE_CORRUPT` where the file is shorter. */
  getRange(
    key: string,
    range: { readonly offset: number; readonly length: number; readonly isWhole: boolean },
    options?: OperationOptions,
  ): Promise<Uint8Array>;
  /** Writes a key where doing it twice does no harm; answers its ETag. */
  put(kind: KeyKind, key: string, bytes: Uint8Array, options?: OperationOptions): Promise<string>;
  /** Writes a key under a condition, in one attempt, signed with `writer` where there is one. */
  putIf(
    kind: KeyKind,
    key: string,
    bytes: Uint8Array,
    condition: WriteCondition,
    options?: OperationOptions & { readonly writer?: string | undefined },
  ): Promise<WriteOutcome>;
  /** One page of keys in byte order; with `delimiter`, those that have one behind the prefix are put together. */
  list(
    kind: KeyKind,
    prefix: string,
    after: string | undefined,
    options?: ListKeysOptions,
  ): Promise<ListedPage>;
  /** Deletes a key if it is this version, in one attempt. Stores that know no such condition delete it anyway. */
  deleteIf(
    kind: KeyKind,
    key: string,
    etag: string,
    options?: OperationOptions,
  ): Promise<Exclude<WriteOutcome, { kind: "done" }> | { readonly kind: "done" }>;
  delete(kind: KeyKind, key: string, options?: OperationOptions): Promise<void>;
  startUpload(key: string, options?: OperationOptions): Promise<string>;
  putPart(
    key: string,
    upload: string,
    number: number,
    bytes: Uint8Array,
    options?: OperationOptions,
  ): Promise<UploadedPart>;
  /** Makes a file of its parts. An answer that was lost is settled by looking at the file. */
  completeUpload(
    key: string,
    upload: string,
    parts: readonly UploadedPart[],
    sizeBytes: number,
    options?: OperationOptions,
  ): Promise<void>;
  abortUpload(key: string, upload: string): Promise<void>;
  /** All uploads under way to keys that start so. */
  listUploads(prefix: string, options?: OperationOptions): Promise<readonly ListedUpload[]>;
}

const BACKEND = "s3";
/** The user metadata that a writer signs with. */
const WRITER = "millrace-writer";

/** A request as a span, in attempts; what fails for good becomes a `StorageError`. */
export type SendRequest = <T>(
  operation: string,
  kind: KeyKind,
  key: string,
  signal: AbortSignal | undefined,
  attempt: (signal: AbortSignal, handle: SpanHandle<"storage.request">) => Promise<T>,
) => Promise<T>;

/** Puts the requests over a client, which retries nothing by itself and goes with the bucket. */
export function createBucket(client: S3Client, name: string, policy: AttemptPolicy): Bucket {
  const clock = followClock(client);

  const request: SendRequest = (operation, kind, key, signal, attempt) =>
    span("storage.request", { backend: BACKEND, operation, key_kind: kind, key }, async (handle) => {
      try {
        const result = await inAttempts(policy, signal, (each, count) => {
          handle.set("attempts", count);
          return attempt(each, handle);
        });
        return result;
      } catch (error) {
        signal?.throwIfAborted();
        throw error instanceof StorageError ? error : toStorageError(error, name, key);
      }
    });

  /** What came of a conditional write whose answer is not a plain yes. Throws where it cannot ever be one. */
  const withoutYes = (
    cause: unknown,
    key: string,
    signal: AbortSignal | undefined,
  ): Exclude<WriteOutcome, { kind: "done" }> => {
    signal?.throwIfAborted();
    const fault = kindOf(cause);
    if (fault === "final") throw toStorageError(cause, name, key);
    // 404 is how some stores say that a version is not there to be replaced.
    return fault === "lost" || fault === "absent" ? { kind: "lost" } : { kind: "unknown", cause };
  };

  const deleteKey = (kind: KeyKind, key: string, signal?: AbortSignal): Promise<void> =>
    request("delete", kind, key, signal, async (abortSignal) => {
      await client.send(new DeleteObjectCommand({ Bucket: name, Key: key }), { abortSignal });
    });

  return {
    name,
    nowMs: clock.nowMs,
    get: (kind, key, { known, signal } = {}) =>
      request("get", kind, key, signal, async (abortSignal, handle) => {
        try {
          const command = new GetObjectCommand({ Bucket: name, Key: key, IfNoneMatch: known });
          const { Body, ETag = "", ContentLength, Metadata } = await client.send(command, { abortSignal });
          const bytes = (await Body?.transformToByteArray()) ?? new Uint8Array();
          checkLength(bytes.length, ContentLength);
          handle.set("bytes", bytes.length);
          handle.set("outcome", "done");
          return { bytes, etag: ETag, writer: Metadata?.[WRITER] };
        } catch (error) {
          const fault = kindOf(error);
          if (fault !== "unchanged" && fault !== "absent") throw error;
          handle.set("outcome", fault);
          return fault === "unchanged" ? fault : undefined;
        }
      }),
    getRange: (key, { offset, length, isWhole }, { signal } = {}) =>
      request("get", key.endsWith(".refs") ? "table" : "pack", key, signal, async (abortSignal, handle) => {
        const Range = isWhole ? undefined : `bytes=${offset}-${offset + length - 1}`;
        const command = new GetObjectCommand({ Bucket: name, Key: key, Range });
        const { Body, ContentLength = length } = await client.send(command, { abortSignal });
        const body = Body as Readable | undefined;
        if (ContentLength !== length) {
          body?.destroy();
          throw new StorageError(
            "STORAGE_CORRUPT",
            `s3://${name}/${key} has ${ContentLength} bytes, not ${length}, at ${offset}`,
            { key },
          );
        }
        const bytes = await readBody(body, length);
        handle.set("bytes", bytes.length);
        return bytes;
      }),
    put: (kind, key, bytes, { signal } = {}) =>
      request("put", kind, key, signal, async (abortSignal, handle) => {
        handle.set("bytes", bytes.length);
        const command = new PutObjectCommand({ Bucket: name, Key: key, Body: bytes });
        return (await client.send(command, { abortSignal })).ETag ?? "";
      }),
    putIf: (kind, key, bytes, condition, { signal, writer } = {}) =>
      span("storage.request", { backend: BACKEND, operation: "put", key_kind: kind, key }, async (handle) => {
        handle.set("attempts", 1);
        handle.set("bytes", bytes.length);
        const outcome = await once(
          policy.attemptTimeoutMs,
          signal,
          async (abortSignal): Promise<WriteOutcome> => {
            const when = "etag" in condition ? { IfMatch: condition.etag } : { IfNoneMatch: "*" };
            const Metadata = writer === undefined ? undefined : { [WRITER]: writer };
            const command = new PutObjectCommand({ Bucket: name, Key: key, Body: bytes, Metadata, ...when });
            const { ETag = "" } = await client.send(command, { abortSignal });
            return { kind: "done", etag: ETag };
          },
        ).catch((cause: unknown) => withoutYes(cause, key, signal));
        handle.set("outcome", outcome.kind);
        return outcome;
      }),
    list: (kind, prefix, after, { signal, delimiter } = {}) =>
      request("list", kind, prefix, signal, async (abortSignal) => {
        const command = new ListObjectsV2Command({
          Bucket: name,
          Prefix: prefix,
          StartAfter: after,
          Delimiter: delimiter,
        });
        const {
          Contents = [],
          CommonPrefixes = [],
          IsTruncated,
        } = await client.send(command, { abortSignal });
        const keys = Contents.map(({ Key = "", Size = 0, ETag = "", LastModified }) => ({
          key: Key,
          sizeBytes: Size,
          etag: ETag,
          modifiedMs: timeOf(LastModified),
        }));
        const prefixes = CommonPrefixes.map(({ Prefix = "" }) => Prefix);
        return { keys, prefixes, isLast: IsTruncated !== true };
      }),
    deleteIf: (kind, key, etag, { signal } = {}) =>
      span(
        "storage.request",
        { backend: BACKEND, operation: "delete", key_kind: kind, key },
        async (handle) => {
          handle.set("attempts", 1);
          const outcome = await once(policy.attemptTimeoutMs, signal, async (abortSignal) => {
            const command = new DeleteObjectCommand({ Bucket: name, Key: key, IfMatch: etag });
            await client.send(command, { abortSignal });
            return { kind: "done" } as const;
          }).catch((cause: unknown) => withoutYes(cause, key, signal));
          handle.set("outcome", outcome.kind);
          return outcome;
        },
      ),
    delete: (kind, key, { signal } = {}) => deleteKey(kind, key, signal),
    ...createUploads(client, name, request),
    [Symbol.dispose]() {
      client.destroy();
    },
  };
}

/** A clock that hears the date of every answer of this client, refusals among them. */
function followClock(client: S3Client): StoreClock {
  const clock = createStoreClock();
  client.middlewareStack.add(
    (next) => async (args) => {
      const askedMs = performance.now();
      const result = await next(args);
      const { headers } = result.response as { readonly headers?: Readonly<Record<string, string>> };
      clock.hear(headers?.date, askedMs, performance.now());
      return result;
    },
    // Next to the connection, before refusals become errors.
    { name: "followClock", step: "deserialize", priority: "low" },
  );
  return clock;
}

/** A body of known length, put where it stays as it arrives. */
async function readBody(body: Readable | undefined, length: number): Promise<Uint8Array> {
  const bytes = new Uint8Array(length);
  let filled = 0;
  for await (const chunk of body ?? []) {
    const room = bytes.subarray(filled);
    room.set((chunk as Uint8Array).subarray(0, room.length));
    filled += (chunk as Uint8Array).length;
    if (filled > length) break;
  }
  checkLength(filled, length);
  return bytes;
}

/** A body that ends early is a broken connection, whatever the SDK makes of it. */
function checkLength(length: number, expected: number | undefined): void {
  if (expected === undefined || length === expected) return;
  throw new Error(`the body broke off after ${length} of ${expected} bytes`);
}
