import { createHash, randomUUID } from "node:crypto";
import { notImplemented, preconditionFailed, S3Fault } from "./s3-fault.ts";
import { createSortedMap, type SortedMap } from "./sorted-map.ts";
import { dropBody, joinBodies, type StoredBody } from "./stored-body.ts";

/** One version of a key. */
export interface StoredObject extends Pick<StoredBody, "sizeBytes" | "pieces"> {
  /** With its quotes. */
  readonly etag: string;
  readonly modifiedMs: number;
  /** Headers that go out again as they came in: the type and the metadata. */
  readonly headers: Readonly<Record<string, string>>;
}

/** An upload that is under way. */
export interface Upload {
  readonly id: string;
  readonly key: string;
  readonly startedMs: number;
  readonly headers: StoredObject["headers"];
  readonly parts: Map<number, StoredBody>;
}

/** Under which conditions something is done, as the headers have them. */
export interface Conditions {
  readonly ifMatch: string | undefined;
  readonly ifNoneMatch: string | undefined;
}

/** A part as whoever completes an upload names it. */
export interface NamedPart {
  readonly number: number;
  readonly etag: string;
}

/** What a bucket holds. Each change is judged and done in one go, so that of racing writers one is first. */
export interface BucketContents {
  /** Keys as bytes, one a character, so that they are in the order of their bytes. */
  readonly objects: SortedMap<StoredObject>;
  /** By key and id. */
  readonly uploads: SortedMap<Upload>;
  put(key: string, body: StoredBody, headers: StoredObject["headers"], conditions: Conditions): StoredObject;
  remove(key: string, conditions: Conditions): void;
  begin(key: string, headers: StoredObject["headers"]): Upload;
  upload(key: string, id: string): Upload;
  putPart(upload: Upload, number: number, body: StoredBody): string;
  /** Puts all parts together. Doing it twice does no harm. */
  complete(
    place: Pick<Upload, "key" | "id">,
    parts: readonly NamedPart[],
    conditions: Conditions,
  ): StoredObject;
  abort(upload: Upload): void;
}

/** Parts but the last have at least so many bytes. */
const MIN_PART_BYTES = 5 * 1024 * 1024;

/** An empty bucket. All of it throws `S3Fault`. */
export function createBucketContents(): BucketContents {
  const objects = createSortedMap<StoredObject>();
  const uploads = createSortedMap<Upload>();
  const nameOf = ({ key, id }: Pick<Upload, "key" | "id">): string => `${key}\0${id}`;

  const judge = (key: string, { ifMatch, ifNoneMatch }: Conditions): void => {
    const found = objects.get(key);
    if (ifNoneMatch !== undefined) {
      if (ifNoneMatch !== "*") throw notImplemented("If-None-Match with an ETag on writes");
      if (found !== undefined) throw preconditionFailed();
    }
    if (ifMatch === undefined) return;
    if (found === undefined) throw new S3Fault(404, "NoSuchKey");
    if (!isEtag(ifMatch, found.etag)) throw preconditionFailed();
  };
  const replace = (key: string, object: StoredObject | undefined): void => {
    const before = objects.get(key);
    if (before !== undefined) void dropBody(before);
    if (object === undefined) objects.delete(key);
    else objects.set(key, object);
  };

  return {
    objects,
    uploads,
    put(key, body, headers, conditions) {
      try {
        judge(key, conditions);
      } catch (fault) {
        void dropBody(body);
        throw fault;
      }
      const object = { ...body, headers, etag: quoted(body.md5.toString("hex")), modifiedMs: Date.now() };
      replace(key, object);
      return object;
    },
    remove(key, conditions) {
      // What is not there is deleted, under any condition.
      if (objects.get(key) !== undefined) judge(key, conditions);
      replace(key, undefined);
    },
    begin(key, headers) {
      const upload = { id: randomUUID(), key, headers, startedMs: Date.now(), parts: new Map() };
      uploads.set(nameOf(upload), upload);
      return upload;
    },
    upload(key, id) {
      const upload = uploads.get(nameOf({ key, id }));
      if (upload === undefined) throw new S3Fault(404, "NoSuchUpload");
      return upload;
    },
    putPart(upload, number, body) {
      const before = upload.parts.get(number);
      if (before !== undefined) void dropBody(before);
      upload.parts.set(number, body);
      return quoted(body.md5.toString("hex"));
    },
    complete(place, named, conditions) {
      const etag = etagOf(named);
      const upload = uploads.get(nameOf(place));
      const before = objects.get(place.key);
      if (upload === undefined && before?.etag === etag) return before;
      if (upload === undefined) throw new S3Fault(404, "NoSuchUpload");
      const parts = named.map(({ number, etag: told }, i) => {
        if (number <= (named[i - 1]?.number ?? 0)) throw new S3Fault(400, "InvalidPartOrder");
        const part = upload.parts.get(number);
        if (part === undefined || !isEtag(told, quoted(part.md5.toString("hex"))))
          throw new S3Fault(400, "InvalidPart");
        if (i < named.length - 1 && part.sizeBytes < MIN_PART_BYTES) throw new S3Fault(400, "EntityTooSmall");
        return part;
      });
      if (parts.length !== upload.parts.size) throw new S3Fault(400, "InvalidPart");
      judge(upload.key, conditions);
      const object = { ...joinBodies(parts), headers: upload.headers, etag, modifiedMs: Date.now() };
      uploads.delete(nameOf(upload));
      replace(upload.key, object);
      return object;
    },
    abort(upload) {
      uploads.delete(nameOf(upload));
      for (const part of upload.parts.values()) void dropBody(part);
    },
  };
}

function quoted(text: string): string {
  return `"${text}"`;
}

/** What tells a file of such parts from others. */
function etagOf(parts: readonly NamedPart[]): string {
  const md5 = createHash("md5");
  for (const { etag } of parts) md5.update(Buffer.from(etag.replaceAll('"', ""), "hex"));
  return quoted(`${md5.digest("hex")}-${parts.length}`);
}

/** Whether a condition names this version; clients send ETags with quotes or without. */
export function isEtag(condition: string, etag: string): boolean {
  return condition === etag || quoted(condition) === etag;
}
