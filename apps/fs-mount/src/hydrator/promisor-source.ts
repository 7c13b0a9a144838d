import type { SharedPromisor } from "@millrace/promisor";
import { MountError } from "../errors.ts";
import type { BlobSource } from "./blob-source.ts";

/** The blobs of a shared promisor: those of one fetch leave in one request, and are handed over while they arrive. */
export function openPromisorSource(objects: SharedPromisor): BlobSource {
  return {
    fetch: (oids, receiver, signal) =>
      objects.deliver(
        oids,
        {
          whole(oid, { type, content }) {
            if (type === "blob") return receiver.whole(oid, content);
            receiver.missing(oid, new MountError("MOUNT_BLOB_DAMAGED", `${oid} is a ${type}`, { oid }));
          },
          pieces: (oid, sizeBytes, content) => receiver.pieces(oid, sizeBytes, content),
        },
        { signal },
      ),
    sizes: (oids, signal) => objects.sizes(oids, { signal }),
  };
}
