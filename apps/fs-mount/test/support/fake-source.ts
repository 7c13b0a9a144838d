import { createHash } from "node:crypto";
import type { Oid } from "@millrace/pack";
import type { BlobReceiver, BlobSource } from "../../src/hydrator/blob-source.ts";

/** The id that git gives a blob. */
export function oidOf(content: Uint8Array, format: "sha1" | "sha256" = "sha1"): Oid {
  return createHash(format).update(`blob ${content.length}\0`).update(content).digest("hex");
}

/** A blob that is like no other of another number. */
export function numberedBlob(number: number, sizeBytes = 19): Buffer {
  return Buffer.from(`${number}`.padEnd(sizeBytes, "."));
}

/** A source of given blobs, which counts what it is asked and can be held up. */
export interface FakeSource extends BlobSource {
  /** The ids of each request, as they came. */
  readonly requests: Oid[][];
  /** Each request waits for this before it brings anything. */
  gate: (oids: readonly Oid[], signal: AbortSignal) => Promise<unknown> | undefined;
}

/** A source of blobs, whole unless they are larger than `pieceBytes`. Ids that it does not have do not come. */
export function createFakeSource(blobs: Iterable<Buffer>, pieceBytes = Number.POSITIVE_INFINITY): FakeSource {
  const byOid = new Map<Oid, Buffer>();
  for (const blob of blobs) byOid.set(oidOf(blob), blob);
  const source: FakeSource = {
    requests: [],
    gate: () => undefined,
    async fetch(oids: readonly Oid[], receiver: BlobReceiver, signal: AbortSignal) {
      source.requests.push([...oids]);
      await source.gate(oids, signal);
      for (const oid of oids) {
        signal.throwIfAborted();
        const blob = byOid.get(oid);
        if (blob === undefined) continue;
        if (blob.length <= pieceBytes) {
          const wait = receiver.whole(oid, blob);
          if (wait !== undefined) await wait;
        } else await receiver.pieces(oid, blob.length, piecesOf(blob, pieceBytes));
      }
    },
  };
  return source;
}

async function* piecesOf(blob: Buffer, pieceBytes: number): AsyncGenerator<Uint8Array, void, undefined> {
  for (let at = 0; at < blob.length; at += pieceBytes) yield blob.subarray(at, at + pieceBytes);
}
