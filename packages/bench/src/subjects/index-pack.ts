/**
 * Indexes the pack on standard input into a folder, as `git index-pack --stdin` does: pack, index and reverse index
 * written and synced. The objects are checked and the pack's graph is built besides. Arguments: the folder, then in
 * JSON how many threads (one: the main thread alone) and whether to detect collisions.
 */
import { type FileHandle, open } from "node:fs/promises";
import { createReadStream } from "node:fs";
import { join } from "node:path";
import {
  buildPackGraph,
  createFsckSession,
  createWorkerPool,
  encodePackGraph,
  indexPack,
  type PackSink,
} from "@millrace/pack";

const READ_BYTES = 1024 * 1024;
const [folder = ".", options = "{}"] = process.argv.slice(2);
const { threads, detectCollisions } = JSON.parse(options) as { threads: number; detectCollisions: boolean };

function fileSink(file: FileHandle): PackSink {
  let end = 0;
  return {
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

async function writeSynced(path: string, content: Uint8Array): Promise<void> {
  const file = await open(path, "w");
  try {
    await file.writeFile(content);
    await file.datasync();
  } finally {
    await file.close();
  }
}

const file = await open(join(folder, "new.pack"), "w+");
const pool = threads > 1 ? createWorkerPool({ threads }) : undefined;
const session = createFsckSession("sha1");
let findings = 0;
const { packBytes, trailer, idx, rev, objectCount, links } = await indexPack(
  createReadStream("", { fd: 0, highWaterMark: READ_BYTES }),
  {
    format: "sha1",
    sink: fileSink(file),
    pool,
    detectCollisions,
    withLinks: true,
    checks: { session, onFindings: (_type, _oid, found) => void (findings += found.length) },
  },
);
if (links === undefined) throw new Error("the pack has no links");
const graph = await buildPackGraph({ format: "sha1", packChecksum: trailer, ...links });
await file.write(trailer, 0, trailer.length, packBytes - trailer.length);
await file.datasync();
await file.close();
await writeSynced(join(folder, "new.idx"), idx);
await writeSynced(join(folder, "new.rev"), rev);
await writeSynced(join(folder, "new.graph"), encodePackGraph(graph));
process.stdout.write(`${objectCount} ${findings}\n`);
await pool?.[Symbol.asyncDispose]();
