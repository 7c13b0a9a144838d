import { closeSync, mkdtempSync, openSync, unlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Oid } from "@millrace/pack";
import type { SharedPromisor } from "@millrace/promisor";
import type { Blobs, OpenBlob } from "../../src/hydrator/blobs.ts";
import { waitFor } from "../../src/view/wait.ts";

/** Blobs straight from a promisor, without queue and cache, for tests of what stands over them. */
export function plainBlobs(objects: SharedPromisor): Blobs {
  const folder = mkdtempSync(join(tmpdir(), "millrace-blobs-"));
  let last = 0;
  return {
    async open(oid, _priority, signal): Promise<OpenBlob> {
      const { content } = await objects.resolve(oid, { signal });
      const file = join(folder, `${++last}`);
      writeFileSync(file, content);
      const fd = openSync(file, "r");
      unlinkSync(file);
      return { fd, sizeBytes: content.length, release: () => closeSync(fd) };
    },
    async sizeOf(oids: readonly Oid[], signal) {
      const told = new Map(await objects.sizes(oids, { signal }));
      const rest = oids.filter((oid) => !told.has(oid));
      await waitFor(objects.prefetch(rest), signal);
      for (const [oid, size] of await objects.sizes(rest)) told.set(oid, size);
      return told;
    },
    prefetch(files) {
      objects.prefetch(files.map(({ oid }) => oid)).catch(() => undefined);
    },
  };
}
