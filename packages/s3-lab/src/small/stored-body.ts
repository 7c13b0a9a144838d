import { createHash, randomUUID } from "node:crypto";
import { createReadStream, createWriteStream, openSync } from "node:fs";
import { rm } from "node:fs/promises";
import type { IncomingMessage } from "node:http";
import { join } from "node:path";
import { Readable, Transform } from "node:stream";
import { pipeline } from "node:stream/promises";
import { S3Fault } from "./s3-fault.ts";

/** A piece of a body: held here, or in a file. */
type Piece = { readonly sizeBytes: number } & ({ readonly bytes: Uint8Array } | { readonly path: string });

/** What was sent, never changed again. */
export interface StoredBody {
  readonly sizeBytes: number;
  readonly md5: Buffer;
  /** One, but for what was uploaded in parts. */
  readonly pieces: readonly Piece[];
}

/** Bodies up to this size are held in memory, in bytes; larger ones in files. */
const MEMORY_BYTES = 128 * 1024;

/**
 * Takes a request's body in, to its end. Throws where the connection breaks before: nothing is kept then. Throws `S3Fault`
 * where its length is not told.
 */
export async function receiveBody(request: IncomingMessage, folder: string): Promise<StoredBody> {
  const sizeBytes = Number(request.headers["content-length"] ?? Number.NaN);
  if (!Number.isSafeInteger(sizeBytes) || sizeBytes < 0) throw new S3Fault(411, "MissingContentLength");
  const md5 = createHash("md5");
  if (sizeBytes <= MEMORY_BYTES) {
    const chunks: Buffer[] = [];
    for await (const chunk of request) chunks.push(chunk as Buffer);
    const bytes = Buffer.concat(chunks);
    return { sizeBytes, md5: md5.update(bytes).digest(), pieces: [{ sizeBytes, bytes }] };
  }
  const path = join(folder, randomUUID());
  const hashing = new Transform({
    transform(chunk: Buffer, _encoding, done) {
      md5.update(chunk);
      done(null, chunk);
    },
  });
  try {
    await pipeline(request, hashing, createWriteStream(path));
  } catch (error) {
    await rm(path, { force: true });
    throw error;
  }
  return { sizeBytes, md5: md5.digest(), pieces: [{ sizeBytes, path }] };
}

/** What parts make when they are put together, in this order. */
export function joinBodies(parts: readonly StoredBody[]): Pick<StoredBody, "sizeBytes" | "pieces"> {
  return {
    sizeBytes: parts.reduce((sum, part) => sum + part.sizeBytes, 0),
    pieces: parts.flatMap(({ pieces }) => pieces),
  };
}

/** Bytes from one place up to another, which is not in it. Files are opened at once: what is dropped later can be read on. */
export function readBody({ pieces }: Pick<StoredBody, "pieces">, from: number, to: number): Readable {
  const sources: (Uint8Array | Readable)[] = [];
  let at = 0;
  for (const piece of pieces) {
    const [start, end] = [Math.max(from - at, 0), Math.min(to - at, piece.sizeBytes)];
    at += piece.sizeBytes;
    if (start >= end) continue;
    if ("bytes" in piece) sources.push(piece.bytes.subarray(start, end));
    else sources.push(createReadStream("", { fd: openSync(piece.path, "r"), start, end: end - 1 }));
  }
  const read = async function* (): AsyncGenerator<Uint8Array> {
    try {
      for (const source of sources) {
        if (source instanceof Readable) yield* source as AsyncIterable<Uint8Array>;
        else yield source;
      }
    } finally {
      for (const source of sources) if (source instanceof Readable) source.destroy();
    }
  };
  return Readable.from(read(), { objectMode: false });
}

/** Removes the files of a body that nobody will ask for again. */
export async function dropBody({ pieces }: Pick<StoredBody, "pieces">): Promise<void> {
  for (const piece of pieces) if ("path" in piece) await rm(piece.path, { force: true });
}
