import { randomUUID } from "node:crypto";
import { readFile, rename, rm, writeFile } from "node:fs/promises";
import { crc32 } from "node:zlib";
import { hashLength, type ObjectFormat, type Oid, oidFromBytes, writeOid } from "@millrace/pack";

/** Sizes that one book remembers; of more, those learnt first are forgotten. */
const MAX_SIZES = 1_000_000;
const MAGIC = "MRSZ0001";
const SIZE_BYTES = 6;
const CHECKSUM_BYTES = 4;

/** Sizes of blobs that were learnt, in bytes. They hold for ever: a blob's content is what its id says. */
export class SizeBook {
  readonly #sizes = new Map<Oid, number>();
  readonly #maxCount: number;
  #isChanged = false;

  /** @param maxCount sizes that are remembered */
  constructor(maxCount: number = MAX_SIZES) {
    this.#maxCount = maxCount;
  }

  get count(): number {
    return this.#sizes.size;
  }

  get(oid: Oid): number | undefined {
    return this.#sizes.get(oid);
  }

  learn(oid: Oid, sizeBytes: number): void {
    if (this.#sizes.get(oid) === sizeBytes) return;
    this.#isChanged = true;
    this.#sizes.set(oid, sizeBytes);
    if (this.#sizes.size <= this.#maxCount) return;
    for (const first of this.#sizes.keys()) {
      this.#sizes.delete(first);
      return;
    }
  }

  /** Learns what a file says that `save` has written. One that is damaged, of another format, or not there says nothing. */
  async load(path: string, format: ObjectFormat): Promise<void> {
    const content = await readFile(path).catch(() => undefined);
    if (content === undefined || !isWhole(content, format)) return;
    const idBytes = hashLength(format);
    const end = content.length - CHECKSUM_BYTES;
    for (let at = MAGIC.length; at < end; at += idBytes + SIZE_BYTES) {
      this.learn(oidFromBytes(content, at, format), content.readUIntBE(at + idBytes, SIZE_BYTES));
    }
    this.#isChanged = false;
  }

  /**
   * Writes all sizes into a file, aside and renamed, unless nothing was learnt since; for each the id and six bytes. What is lost
   * with the power is asked for again, so nothing is synced. Throws what the disk says.
   */
  async save(path: string, format: ObjectFormat): Promise<void> {
    if (!this.#isChanged) return;
    this.#isChanged = false;
    const aside = `${path}.${randomUUID()}.new`;
    try {
      await writeFile(aside, encode(this.#sizes, format), { mode: 0o600 });
      await rename(aside, path);
    } catch (error) {
      this.#isChanged = true;
      await rm(aside, { force: true });
      throw error;
    }
  }
}

function encode(sizes: ReadonlyMap<Oid, number>, format: ObjectFormat): Buffer {
  const idBytes = hashLength(format);
  const content = Buffer.alloc(MAGIC.length + sizes.size * (idBytes + SIZE_BYTES) + CHECKSUM_BYTES);
  let at = content.write(MAGIC, "latin1");
  for (const [oid, sizeBytes] of sizes) {
    writeOid(oid, content, at);
    at = content.writeUIntBE(sizeBytes, at + idBytes, SIZE_BYTES);
  }
  content.writeUInt32BE(crc32(content.subarray(0, at)), at);
  return content;
}

function isWhole(content: Buffer, format: ObjectFormat): boolean {
  const end = content.length - CHECKSUM_BYTES;
  if (end < MAGIC.length || (end - MAGIC.length) % (hashLength(format) + SIZE_BYTES) !== 0) return false;
  if (content.toString("latin1", 0, MAGIC.length) !== MAGIC) return false;
  return content.readUInt32BE(end) === crc32(content.subarray(0, end));
}
