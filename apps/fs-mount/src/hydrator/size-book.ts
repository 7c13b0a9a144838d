import { randomUUID } from "node:crypto";
import { readFile, rename, rm, writeFile } from "node:fs/promises";
import { crc32 } from "node:zlib";
import { hashLength, type ObjectFormat, type Oid, writeOid } from "@millrace/pack";

/** Sizes that one book remembers; of more, a quarter of them is forgotten, those learnt first. */
const MAX_SIZES = 1_000_000;
const MAGIC = "MRSZ0001";
const SIZE_BYTES = 6;
const CHECKSUM_BYTES = 4;

/** No place. */
const NONE = 0;
const FIRST_PLACES = 256;

/**
 * Sizes of blobs that were learnt, in bytes. They hold for ever: a blob's content is what its id says. One takes the bytes of its id and
 * sixteen to twenty-four more.
 */
export class SizeBook {
  readonly #maxCount: number;
  readonly #scratch = new Uint8Array(32);
  /** Of one id; 0 before there is one. */
  #idBytes = 0;
  /** In the order in which they were learnt. */
  #ids = new Uint8Array(0);
  #sizes = new Float64Array(0);
  #count = 0;
  /** An open-addressing table by the ids' first bytes: places from 1 on. */
  #table = new Uint32Array(2);
  #isChanged = false;

  /** @param maxCount sizes that are remembered */
  constructor(maxCount: number = MAX_SIZES) {
    this.#maxCount = maxCount;
  }

  get count(): number {
    return this.#count;
  }

  get(oid: Oid): number | undefined {
    if (oid.length !== 2 * this.#idBytes) return undefined;
    writeOid(oid, this.#scratch, 0);
    return this.at(this.#scratch, 0);
  }

  /** The size of the blob whose id lies in some bytes, at an offset. */
  at(bytes: Uint8Array, offset: number): number | undefined {
    if (this.#count === 0) return undefined;
    const place = this.#table[this.#slotOf(bytes, offset)]!;
    return place === NONE ? undefined : this.#sizes[place - 1];
  }

  learn(oid: Oid, sizeBytes: number): void {
    if (this.#count === 0) this.#idBytes = oid.length / 2;
    writeOid(oid, this.#scratch, 0);
    this.#learn(this.#scratch, 0, sizeBytes);
  }

  /** As `learn`, of the blob whose id lies in some bytes, at an offset. */
  learnAt(bytes: Uint8Array, offset: number, sizeBytes: number, format: ObjectFormat): void {
    if (this.#count === 0) this.#idBytes = hashLength(format);
    this.#learn(bytes, offset, sizeBytes);
  }

  /** Learns what a file says that `save` has written. One that is damaged, of another format, or not there says nothing. */
  async load(path: string, format: ObjectFormat): Promise<void> {
    const content = await readFile(path).catch(() => undefined);
    if (content === undefined || !isWhole(content, format)) return;
    const idBytes = hashLength(format);
    const end = content.length - CHECKSUM_BYTES;
    if (this.#count === 0) this.#idBytes = idBytes;
    for (let at = MAGIC.length; at < end; at += idBytes + SIZE_BYTES) {
      this.#learn(content, at, content.readUIntBE(at + idBytes, SIZE_BYTES));
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
      await writeFile(aside, this.#encode(format), { mode: 0o600 });
      await rename(aside, path);
    } catch (error) {
      this.#isChanged = true;
      await rm(aside, { force: true });
      throw error;
    }
  }

  #learn(bytes: Uint8Array, offset: number, sizeBytes: number): void {
    const slot = this.#slotOf(bytes, offset);
    const place = this.#table[slot]!;
    if (place !== NONE && this.#sizes[place - 1] === sizeBytes) return;
    this.#isChanged = true;
    if (place !== NONE) {
      this.#sizes[place - 1] = sizeBytes;
      return;
    }
    if (this.#count === this.#sizes.length) {
      this.#makeRoom();
      this.#learn(bytes, offset, sizeBytes);
      return;
    }
    this.#ids.set(bytes.subarray(offset, offset + this.#idBytes), this.#count * this.#idBytes);
    this.#sizes[this.#count] = sizeBytes;
    this.#table[slot] = ++this.#count;
  }

  /** Twice as many places; where there may be no more, a quarter of those learnt first goes. */
  #makeRoom(): void {
    const before = this.#sizes.length;
    const places = Math.min(this.#maxCount, Math.max(FIRST_PLACES, 2 * before));
    const dropped = places === before ? Math.ceil(before / 4) : 0;
    const ids = new Uint8Array(places * this.#idBytes);
    ids.set(this.#ids.subarray(dropped * this.#idBytes, this.#count * this.#idBytes));
    const sizes = new Float64Array(places);
    sizes.set(this.#sizes.subarray(dropped, this.#count));
    let slots = 2;
    while (slots < 2 * places) slots *= 2;
    [this.#ids, this.#sizes, this.#table] = [ids, sizes, new Uint32Array(slots)];
    this.#count -= dropped;
    for (let i = 0; i < this.#count; i++) this.#table[this.#slotOf(ids, i * this.#idBytes)] = i + 1;
  }

  /** Where the table has an id, or would have it. */
  #slotOf(bytes: Uint8Array, offset: number): number {
    const mask = this.#table.length - 1;
    const [ids, idBytes] = [this.#ids, this.#idBytes];
    let slot =
      (bytes[offset]! | (bytes[offset + 1]! << 8) | (bytes[offset + 2]! << 16) | (bytes[offset + 3]! << 24)) &
      mask;
    for (let place = this.#table[slot]!; place !== NONE; place = this.#table[slot]!) {
      const at = (place - 1) * idBytes;
      let same = 0;
      while (same < idBytes && ids[at + same] === bytes[offset + same]) same++;
      if (same === idBytes) break;
      slot = (slot + 1) & mask;
    }
    return slot;
  }

  #encode(format: ObjectFormat): Buffer {
    const idBytes = hashLength(format);
    const content = Buffer.alloc(MAGIC.length + this.#count * (idBytes + SIZE_BYTES) + CHECKSUM_BYTES);
    let at = content.write(MAGIC, "latin1");
    for (let i = 0; i < this.#count; i++) {
      content.set(this.#ids.subarray(i * idBytes, (i + 1) * idBytes), at);
      at = content.writeUIntBE(this.#sizes[i]!, at + idBytes, SIZE_BYTES);
    }
    content.writeUInt32BE(crc32(content.subarray(0, at)), at);
    return content;
  }
}

function isWhole(content: Buffer, format: ObjectFormat): boolean {
  const end = content.length - CHECKSUM_BYTES;
  if (end < MAGIC.length || (end - MAGIC.length) % (hashLength(format) + SIZE_BYTES) !== 0) return false;
  if (content.toString("latin1", 0, MAGIC.length) !== MAGIC) return false;
  return content.readUInt32BE(end) === crc32(content.subarray(0, end));
}
