import { open } from "node:fs/promises";
import {
  createBlockCache,
  createByteCache,
  createFsckSession,
  indexPack,
  openPackReader,
  type PackSink,
  parseCommit,
  type RandomAccess,
} from "@millrace/pack";

const CACHE_BYTES = 16 * 1024 * 1024;

/** Stores a pack while it arrives, checks every object in it, and returns the message of one of its commits. */
export async function receivePack(
  source: AsyncIterable<Uint8Array>,
  path: string,
  commit: string,
): Promise<string> {
  const file = await open(path, "w+");
  try {
    let sizeBytes = 0;
    const stored = (): RandomAccess => ({
      sizeBytes,
      async read(offset, length) {
        const buffer = new Uint8Array(Math.min(length, sizeBytes - offset));
        const { bytesRead } = await file.read(buffer, 0, buffer.length, offset);
        return buffer.subarray(0, bytesRead);
      },
    });
    const sink: PackSink = {
      async write(bytes) {
        await file.appendFile(bytes);
        sizeBytes += bytes.length;
      },
      open: async () => stored(),
    };

    const session = createFsckSession("sha1");
    const findings: { id: string; severity: string }[] = [];
    const pack = await indexPack(source, {
      format: "sha1",
      sink,
      visit: ({ type, content }) => {
        if (content !== undefined) findings.push(...session.check(type, content));
      },
    });
    await sink.write(pack.trailer);

    const reader = openPackReader({
      source: stored(),
      index: pack.index,
      bases: createByteCache({ budgetBytes: CACHE_BYTES }),
      blocks: createBlockCache({ budgetBytes: CACHE_BYTES }),
    });
    const read = async (oid: string) => {
      const position = pack.index.findOid(oid);
      return position < 0 ? undefined : reader.read(position);
    };
    findings.push(...(await session.finish(read)));
    const error = findings.find(({ severity }) => severity === "error");
    if (error !== undefined) throw new Error(`the pack is refused: ${error.id}`);

    const object = await read(commit);
    if (object === undefined) throw new Error(`${commit} is not in the pack`);
    const { message } = parseCommit(object.content, "sha1");
    return new TextDecoder().decode(message).trim();
  } finally {
    await file.close();
  }
}
