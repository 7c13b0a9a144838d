import { read as readCallback } from "node:fs";
import { promisify } from "node:util";
import { hashObject, type ObjectFormat, type Oid, oidFromBytes } from "@millrace/pack";
import type { BlobCache, BlobLanding } from "../cache/blob-cache.ts";
import { MountError } from "../errors.ts";
import type { Blobs, OpenBlob, PrefetchedFile } from "../hydrator/blobs.ts";
import { isAbsent } from "../hydrator/hydrator.ts";
import { PRIORITY } from "../hydrator/priority.ts";
import { waitFor } from "../view/wait.ts";
import { detailOf, objectOf } from "./content-id.ts";
import { type Conversion, parseConversion } from "./conversion.ts";
import type { ConversionBook, Converted } from "./conversion-book.ts";
import { type LfsPointer, type LfsSource, MAX_POINTER_BYTES, pointerOf, readLfs } from "./lfs-content.ts";

const read = promisify(readCallback);

/** What converts contents. */
export interface ConvertedBlobsOptions {
  readonly format: ObjectFormat;
  /** Contents of blobs. */
  readonly blobs: Blobs;
  /** Where what they become is kept, each by the id that it would have as a blob. */
  readonly cache: BlobCache;
  readonly book: ConversionBook;
  /** Where files of git-lfs come from. */
  readonly lfs: LfsSource;
}

/** Up to here a content is converted in one go, in bytes. */
const AT_ONCE_BYTES = 1 << 20;
const PIECE_BYTES = 256 << 10;
/** What has to be held as a whole is no larger. */
const MAX_WHOLE_BYTES: number = 256 << 20;
/** Contents that are converted at the same time, for their sizes. */
const SIZES_AT_ONCE = 256;

/** A content that was made, for those who wait for it. */
interface Made {
  open(): Promise<OpenBlob>;
  dispose(): void;
}

/**
 * Contents as a checkout writes them, by their ids (`content-id.ts`): a blob's own where it is written as it is, else what is made of
 * it once and kept in the cache like any blob. What was evicted is made again.
 */
export class ConvertedBlobs implements Blobs {
  readonly #options: ConvertedBlobsOptions;
  readonly #underWay = new Map<Oid, { readonly made: Promise<Made>; waiters: number }>();

  constructor(options: ConvertedBlobsOptions) {
    this.#options = options;
  }

  /** Throws as the blobs do, and MOUNT_BLOB_TOO_LARGE. */
  async open(id: Oid, priority: number, signal?: AbortSignal): Promise<OpenBlob> {
    const detail = detailOf(id);
    if (detail === undefined) return await this.#options.blobs.open(id, priority, signal);
    return (await this.#openMade(id, priority, signal)) ?? (await this.#make(id, detail, priority, signal));
  }

  async sizeOf(ids: readonly Oid[], signal?: AbortSignal): Promise<ReadonlyMap<Oid, number>> {
    const plain = ids.filter((id) => detailOf(id) === undefined);
    if (plain.length === ids.length) return await this.#options.blobs.sizeOf(ids, signal);
    const sizes = new Map(plain.length > 0 ? await this.#options.blobs.sizeOf(plain, signal) : []);
    const unknown: Oid[] = [];
    for (const id of ids) {
      if (detailOf(id) === undefined) continue;
      const known = this.#options.book.get(id);
      if (known === undefined) unknown.push(id);
      else sizes.set(id, known.sizeBytes);
    }
    for (let from = 0; from < unknown.length; from += SIZES_AT_ONCE) {
      const learn = async (id: Oid): Promise<void> => {
        try {
          const pointed = await this.#pointedBytes(id, signal);
          if (pointed !== undefined) {
            sizes.set(id, pointed);
            return;
          }
          const blob = await this.open(id, PRIORITY.size, signal);
          sizes.set(id, blob.sizeBytes);
          blob.release();
        } catch (error) {
          if (!isAbsent(error)) throw error;
        }
      };
      await Promise.all(unknown.slice(from, from + SIZES_AT_ONCE).map(learn));
    }
    return sizes;
  }

  prefetch(files: readonly PrefetchedFile[]): void {
    this.#options.blobs.prefetch(files.map(({ oid, name }) => ({ oid: objectOf(oid), name })));
  }

  opened(id: Oid): void {
    this.#options.blobs.opened?.(objectOf(id));
  }

  /** The size of a file of git-lfs: its pointer tells it. */
  async #pointedBytes(id: Oid, signal?: AbortSignal): Promise<number | undefined> {
    if (!parseConversion(detailOf(id) ?? "").lfs) return undefined;
    const blob = await this.#options.blobs.open(objectOf(id), PRIORITY.size, signal);
    try {
      const pointer = await readPointer(blob);
      if (pointer !== undefined)
        this.#options.book.learn(id, { oid: undefined, sizeBytes: pointer.sizeBytes });
      return pointer?.sizeBytes;
    } finally {
      blob.release();
    }
  }

  /** What was made once, if it is here. */
  async #openMade(id: Oid, priority: number, signal?: AbortSignal): Promise<OpenBlob | undefined> {
    const { book, blobs, cache } = this.#options;
    const { oid, sizeBytes } = book.get(id) ?? {};
    if (oid === undefined) return undefined;
    if (oid === objectOf(id)) return await blobs.open(oid, priority, signal);
    return await cache.open(oid, { sizeBytes });
  }

  async #make(id: Oid, detail: string, priority: number, signal: AbortSignal | undefined): Promise<OpenBlob> {
    let underWay = this.#underWay.get(id);
    if (underWay === undefined) {
      underWay = { made: this.#convert(id, parseConversion(detail), priority), waiters: 0 };
      this.#underWay.set(id, underWay);
    }
    underWay.waiters++;
    try {
      const made = await waitFor(underWay.made, signal);
      return await made.open();
    } finally {
      if (--underWay.waiters === 0) {
        if (this.#underWay.get(id) === underWay) this.#underWay.delete(id);
        underWay.made.then((made) => made.dispose()).catch(() => undefined);
      }
    }
  }

  async #convert(id: Oid, conversion: Conversion, priority: number): Promise<Made> {
    const object = objectOf(id);
    const blob = await this.#options.blobs.open(object, priority);
    try {
      await blob.readable?.(blob.sizeBytes);
      const { oid, landing } = await this.#land(blob, object, conversion);
      const { sizeBytes } = landing ?? blob;
      this.#options.book.learn(id, { oid, sizeBytes } satisfies Converted);
      return {
        open: async () => landing?.open() ?? (await this.#options.blobs.open(object, priority)),
        dispose: () => landing?.[Symbol.dispose](),
      };
    } finally {
      blob.release();
    }
  }

  /** Puts what a blob becomes into the cache; without a landing where it stays as it is. */
  async #land(
    blob: OpenBlob,
    object: Oid,
    conversion: Conversion,
  ): Promise<{ readonly oid: Oid; readonly landing: BlobLanding | undefined }> {
    const { format, cache, lfs } = this.#options;
    const pointer = conversion.lfs ? await readPointer(blob) : undefined;
    if (pointer !== undefined) return await cache.putPieces(format, object, readLfs(lfs, pointer));
    // Most mounts convert nothing, and start sooner without it.
    const { convertPieces, convertWhole, needsWhole } = await import("./convert.ts");
    if (blob.sizeBytes > AT_ONCE_BYTES) {
      if (needsWhole(conversion) && blob.sizeBytes > MAX_WHOLE_BYTES) {
        const why = `blob ${object} is to be converted as a whole and has ${blob.sizeBytes} bytes`;
        throw new MountError("MOUNT_BLOB_TOO_LARGE", why, { oid: object });
      }
      return await cache.putPieces(
        format,
        object,
        convertPieces(() => piecesOf(blob), conversion, object),
      );
    }
    const pieces: Uint8Array[] = [];
    for await (const piece of piecesOf(blob)) pieces.push(piece);
    const content = convertWhole(Buffer.concat(pieces), conversion, object);
    const oid = oidFromBytes(hashObject(format, "blob", content), 0, format);
    return { oid, landing: oid === object ? undefined : await cache.put(oid, content) };
  }
}

async function readPointer(blob: OpenBlob): Promise<LfsPointer | undefined> {
  if (blob.sizeBytes > MAX_POINTER_BYTES) return undefined;
  await blob.readable?.(blob.sizeBytes);
  const pieces: Uint8Array[] = [];
  for await (const piece of piecesOf(blob)) pieces.push(piece);
  return pointerOf(Buffer.concat(pieces));
}

async function* piecesOf({ fd, sizeBytes }: OpenBlob): AsyncGenerator<Uint8Array> {
  for (let at = 0; at < sizeBytes; ) {
    const piece = Buffer.allocUnsafe(Math.min(PIECE_BYTES, sizeBytes - at));
    const { bytesRead } = await read(fd, piece, 0, piece.length, at);
    if (bytesRead === 0) throw new MountError("MOUNT_BLOB_DAMAGED", "a blob was cut while it was read");
    yield piece.subarray(0, bytesRead);
    at += bytesRead;
  }
}
