import { readSync } from "node:fs";
import type { OpenBlob } from "../hydrator/blobs.ts";
import { Refusal } from "./refusal.ts";
import type { Answer, Waiting } from "./view.ts";
import { whenHere } from "./wait.ts";

/** Reads from a blob that is open, waiting where its bytes have not come yet. Fewer bytes at its end only. @throws Refusal EIO */
export function readBlob(
  blob: OpenBlob,
  offset: number,
  sizeBytes: number,
  waiting?: Waiting,
): Answer<Uint8Array> {
  const end = Math.min(offset + sizeBytes, blob.sizeBytes);
  if (offset >= end) return new Uint8Array();
  return whenHere(blob.readable?.(end, waiting?.signal), () => {
    const bytes = Buffer.allocUnsafeSlow(end - offset);
    for (let at = 0; at < bytes.length; ) {
      const count = readSync(blob.fd, bytes, at, bytes.length - at, offset + at);
      // The file is shorter than the blob: somebody has cut it.
      if (count === 0) throw new Refusal("EIO");
      at += count;
    }
    return bytes;
  });
}
