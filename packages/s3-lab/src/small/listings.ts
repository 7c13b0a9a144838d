import type { BucketContents, StoredObject, Upload } from "./bucket-contents.ts";

/** What is asked of a listing. */
export interface ListQuery {
  readonly prefix: string;
  /** Keys that have it behind the prefix are put together. */
  readonly delimiter: string | undefined;
  /** Only what comes behind this. */
  readonly after: string;
  readonly maxKeys: number;
}

export interface Listing {
  readonly keys: readonly (readonly [string, StoredObject])[];
  readonly prefixes: readonly string[];
  /** The last key or prefix, where there is more behind it. */
  readonly next: string | undefined;
}

/** One page of the keys, in order of their bytes. */
export function listObjects({ objects }: BucketContents, query: ListQuery): Listing {
  const { prefix, delimiter, after, maxKeys } = query;
  const keys: (readonly [string, StoredObject])[] = [];
  const prefixes: string[] = [];
  let last = "";
  const groupOf = (key: string): string | undefined => {
    const end = delimiter === undefined ? -1 : key.indexOf(delimiter, prefix.length);
    return end < 0 ? undefined : key.slice(0, end + (delimiter ?? "").length);
  };
  for (let from = after > prefix ? after : prefix; ; ) {
    let jump: string | undefined;
    for (const [key, object] of objects.from(from)) {
      if (!key.startsWith(prefix)) return { keys, prefixes, next: undefined };
      const group = groupOf(key);
      const listed = group ?? key;
      // A group that was listed is behind `after` as a whole.
      const isListed = key <= after || (group !== undefined && (after.startsWith(group) || last === group));
      if (!isListed) {
        if (keys.length + prefixes.length >= maxKeys) return { keys, prefixes, next: last };
        if (group === undefined) keys.push([key, object]);
        else prefixes.push(group);
        last = listed;
      }
      if (group === undefined) continue;
      jump = behind(group);
      break;
    }
    if (jump === undefined) return { keys, prefixes, next: undefined };
    from = jump;
  }
}

/** The first text behind all that start so. Keys are bytes, one a character. */
function behind(prefix: string): string {
  return `${prefix}\u0100`;
}

export interface UploadsQuery {
  readonly prefix: string;
  readonly keyMarker: string;
  readonly idMarker: string;
  readonly maxUploads: number;
}

/** One page of the uploads under way, by key and id. */
export function listUploads(
  { uploads }: BucketContents,
  { prefix, keyMarker, idMarker, maxUploads }: UploadsQuery,
): { readonly found: readonly Upload[]; readonly isTruncated: boolean } {
  const found: Upload[] = [];
  for (const [, upload] of uploads.from(keyMarker > prefix ? keyMarker : prefix)) {
    if (!upload.key.startsWith(prefix)) break;
    if (upload.key === keyMarker && (idMarker === "" || upload.id <= idMarker)) continue;
    if (found.length >= maxUploads) return { found, isTruncated: true };
    found.push(upload);
  }
  return { found, isTruncated: false };
}
