/**
 * Indexes the pack on standard input into a folder, as `git index-pack --stdin` does: pack, index and reverse index
 * written and synced, and its graph if that is wanted. Arguments: the folder, then settings in JSON.
 */
import { type FileHandle, open } from "node:fs/promises";
import { createReadStream } from "node:fs";
import { join } from "node:path";
import {
  buildPackGraph,
  createFsckSession,
  createWorkerPool,
  encodeGraphPieces,
  type IndexedPack,
  indexPack,
  type IndexPackOptions,
  type ObjectChecks,
  type PackSink,
} from "@millrace/pack";
import type { IndexPackSettings } from "../millrace.ts";

const READ_BYTES = 1024 * 1024;
const [folder = ".", json = "{}"] = process.argv.slice(2);
const { threads, detectCollisions, fsckAndGraph } = JSON.parse(json) as IndexPackSettings;

function fileSink(file: FileHandle): PackSink {
  let end = 0;
  return {
    scratch: async () => fileSink(await open(join(folder, "scratch"), "w+")),
    async write(bytes) {
      for (let at = 0; at < bytes.length; ) {
        const { bytesWritten } = await file.write(bytes, at, bytes.length - at, end);
        at += bytesWritten;
        end += bytesWritten;
      }
    },
    open: async () => ({
      sizeBytes: end,
      fd: file.fd,
      async read(offset, length) {
        const bytes = new Uint8Array(Math.max(0, Math.min(length, end - offset)));
        let got = 0;
        while (got < bytes.length) {
          const { bytesRead } = await file.read(bytes, got, bytes.length - got, offset + got);
          if (bytesRead === 0) break;
          got += bytesRead;
        }
        return bytes.subarray(0, got);
      },
    }),
  };
}

async function writeSynced(path: string, pieces: Iterable<Uint8Array>): Promise<void> {
  const file = await open(path, "w");
  try {
    for (const piece of pieces) await file.writeFile(piece);
    await file.datasync();
  } finally {
    await file.close();
  }
}

/** Counts what it finds: a history may have faults that are no matter here. */
function countingChecks(): ObjectChecks & { readonly found: number } {
  const checks = {
    session: createFsckSession("sha1"),
    found: 0,
    onFindings: () => void checks.found++,
  };
  return checks;
}

async function encodedGraph({ links, trailer }: IndexedPack): Promise<Iterable<Uint8Array>> {
  if (links === undefined) throw new Error("indexPack gathered no links");
  return encodeGraphPieces(await buildPackGraph({ format: "sha1", packChecksum: trailer, ...links }));
}

const file = await open(join(folder, "new.pack"), "w+");
const checks = fsckAndGraph ? countingChecks() : undefined;
const options: IndexPackOptions = {
  format: "sha1",
  sink: fileSink(file),
  checks,
  withLinks: fsckAndGraph,
  detectCollisions,
  pool: threads > 1 ? createWorkerPool({ threads }) : undefined,
};
const indexed = await indexPack(createReadStream("", { fd: 0, highWaterMark: READ_BYTES }), options);
const { packBytes, trailer, idx, rev, objectCount } = indexed;
await file.write(trailer, 0, trailer.length, packBytes - trailer.length);
await file.datasync();
await file.close();
await writeSynced(join(folder, "new.idx"), [idx]);
await writeSynced(join(folder, "new.rev"), [rev]);
if (fsckAndGraph) await writeSynced(join(folder, "new.graph"), await encodedGraph(indexed));
process.stdout.write(`${objectCount} objects, ${checks?.found ?? 0} with findings\n`);
