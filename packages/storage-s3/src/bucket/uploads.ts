import { StorageError } from "@millrace/storage";
import {
  AbortMultipartUploadCommand,
  CompleteMultipartUploadCommand,
  CreateMultipartUploadCommand,
  HeadObjectCommand,
  ListMultipartUploadsCommand,
  type S3Client,
  UploadPartCommand,
} from "@aws-sdk/client-s3";
import type { Bucket, ListedUpload, SendRequest } from "./bucket.ts";
import { kindOf } from "./fault.ts";
import { timeOf } from "./store-clock.ts";

/** The requests that bring a file in parts. */
export type Uploads = Pick<
  Bucket,
  "startUpload" | "putPart" | "completeUpload" | "abortUpload" | "listUploads"
>;

/** Puts them over a client, to the bucket of this name. */
export function createUploads(client: S3Client, name: string, request: SendRequest): Uploads {
  return {
    startUpload: (key, { signal } = {}) =>
      request("start_upload", "pack", key, signal, async (abortSignal) => {
        const { UploadId } = await client.send(new CreateMultipartUploadCommand({ Bucket: name, Key: key }), {
          abortSignal,
        });
        if (UploadId === undefined)
          throw new StorageError("STORAGE_IO", `s3://${name}/${key}: no upload id`, { key });
        return UploadId;
      }),
    putPart: (key, upload, number, bytes, { signal } = {}) =>
      request("put_part", "pack", key, signal, async (abortSignal, handle) => {
        handle.set("bytes", bytes.length);
        const command = new UploadPartCommand({
          Bucket: name,
          Key: key,
          UploadId: upload,
          PartNumber: number,
          Body: bytes,
        });
        const { ETag = "" } = await client.send(command, { abortSignal });
        return { number, etag: ETag };
      }),
    completeUpload: (key, upload, parts, sizeBytes, { signal } = {}) =>
      request("complete_upload", "pack", key, signal, async (abortSignal) => {
        const Parts = parts.map(({ number, etag }) => ({ PartNumber: number, ETag: etag }));
        const command = new CompleteMultipartUploadCommand({
          Bucket: name,
          Key: key,
          UploadId: upload,
          MultipartUpload: { Parts },
        });
        try {
          await client.send(command, { abortSignal });
        } catch (error) {
          // The upload is gone where an attempt before, whose answer was lost, has made the file.
          if (kindOf(error) !== "absent") throw error;
          const { ContentLength } = await client.send(new HeadObjectCommand({ Bucket: name, Key: key }), {
            abortSignal,
          });
          if (ContentLength !== sizeBytes) throw error;
        }
      }),
    async abortUpload(key, upload) {
      await request("abort_upload", "pack", key, undefined, async (abortSignal) => {
        const command = new AbortMultipartUploadCommand({ Bucket: name, Key: key, UploadId: upload });
        await client.send(command, { abortSignal }).catch((error: unknown) => {
          if (kindOf(error) !== "absent") throw error;
        });
      });
    },
    async listUploads(prefix, { signal } = {}) {
      const uploads: ListedUpload[] = [];
      for (let marker = {}; ; ) {
        const page = await request("list_uploads", "pack", prefix, signal, (abortSignal) =>
          client.send(new ListMultipartUploadsCommand({ Bucket: name, Prefix: prefix, ...marker }), {
            abortSignal,
          }),
        );
        for (const { Key = "", UploadId = "", Initiated } of page.Uploads ?? []) {
          uploads.push({ key: Key, upload: UploadId, startedMs: timeOf(Initiated) });
        }
        if (page.IsTruncated !== true) return uploads;
        marker = { KeyMarker: page.NextKeyMarker, UploadIdMarker: page.NextUploadIdMarker };
      }
    },
  };
}
