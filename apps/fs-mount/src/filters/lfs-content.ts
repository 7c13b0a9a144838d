import { createHash } from "node:crypto";
import { type LfsPointer, parseLfsPointer } from "@millrace/promisor";
import { MountError } from "../errors.ts";

export type { LfsPointer };

/** Longer blobs are no pointers. */
export const MAX_POINTER_BYTES = 1024;

/** Where files of git-lfs come from. */
export type LfsSource = (pointer: LfsPointer) => AsyncIterable<Uint8Array>;

/** The pointer that a content is; `undefined` for all else. */
export function pointerOf(content: Uint8Array): LfsPointer | undefined {
  return content.length > MAX_POINTER_BYTES ? undefined : parseLfsPointer(content);
}

/**
 * What a pointer points to, held against it on the way.
 * @throws MountError MOUNT_BLOB_DAMAGED, before the last piece where there is too much, and at its end else; as the source
 */
export async function* readLfs(source: LfsSource, pointer: LfsPointer): AsyncGenerator<Uint8Array> {
  const hash = createHash("sha256");
  let sizeBytes = 0;
  for await (const piece of source(pointer)) {
    sizeBytes += piece.length;
    if (sizeBytes > pointer.sizeBytes) break;
    hash.update(piece);
    yield piece;
  }
  if (sizeBytes === pointer.sizeBytes && hash.digest("hex") === pointer.oid) return;
  throw new MountError("MOUNT_BLOB_DAMAGED", `what came for ${pointer.oid} of git-lfs is something else`);
}
