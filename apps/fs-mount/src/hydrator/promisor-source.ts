import type { Oid } from "@millrace/pack";
import type { SharedPromisor } from "@millrace/promisor";
import { MountError } from "../errors.ts";
import type { BlobSource } from "./blob-source.ts";

/** The blobs of a shared promisor: those of one fetch leave in one request. */
export function openPromisorSource(objects: SharedPromisor): BlobSource {
  return {
    async fetch(oids, receiver, signal) {
      let failure: { readonly error: unknown } | undefined;
      const bring = async (oid: Oid): Promise<void> => {
        try {
          const { type, content } = await objects.resolve(oid, { signal });
          if (type === "blob") await receiver.whole(oid, content);
          else receiver.missing(oid, new MountError("MOUNT_BLOB_DAMAGED", `${oid} is a ${type}`, { oid }));
        } catch (error) {
          if ((error as { readonly code?: unknown }).code === "PROMISOR_OBJECT_MISSING") {
            const message = `blob ${oid} did not come`;
            receiver.missing(oid, new MountError("MOUNT_BLOB_MISSING", message, { oid, cause: error }));
          } else {
            failure ??= { error };
          }
        }
      };
      await Promise.all(oids.map(bring));
      if (failure !== undefined) throw failure.error;
    },
    sizes: (oids, signal) => objects.sizes(oids, { signal }),
  };
}
