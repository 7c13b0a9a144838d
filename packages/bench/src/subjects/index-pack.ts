/**
 * Indexes the pack on standard input into a folder, as `git index-pack --stdin` does: pack, index and reverse index
 * written and synced. Arguments: the folder, then options of `indexPack` in JSON.
 */
import { type FileHandle, open } from "node:fs/promises";
import { createReadStream } from "node:fs";
import { join } from "node:path";
import { indexPack, type IndexPackOptions, type PackSink } from "@millrace/pack";

const READ_BYTES = 1024 * 1024;
const [folder = ".", options = "{}"] = process.argv.slice(2);

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
const { packBytes, trailer, idx, rev, objectCount } = await indexPack(
  createReadStream("", { fd: 0, highWaterMark: READ_BYTES }),
  {
    format: "sha1",
    sink: fileSink(file),
    ...(JSON.parse(options) as Partial<IndexPackOptions>),
  },
);
await file.write(trailer, 0, trailer.length, packBytes - trailer.length);
await file.datasync();
await file.close();
await writeSynced(join(folder, "new.idx"), idx);
await writeSynced(join(folder, "new.rev"), rev);
process.stdout.write(`${objectCount}\n`);
