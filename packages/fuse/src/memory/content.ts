/** Bytes of a whole block. */
const BLOCK_BYTES = 65_536;
const SMALLEST_BYTES = 4096;
const ZEROS = Buffer.alloc(BLOCK_BYTES);

/** The bytes of one file: blocks where something was written, nothing in the holes between. */
export class Content {
  sizeBytes = 0;
  /** Bytes that the blocks take. */
  storedBytes = 0;
  /** A block may be short: what it lacks is zero. */
  readonly #blocks = new Map<number, Buffer>();

  /** Parts that together are the bytes from `offset`, up to the end of the file. They are views. */
  read(offset: number, length: number): Uint8Array[] {
    const parts: Uint8Array[] = [];
    const end = Math.min(offset + length, this.sizeBytes);
    let at = offset;
    while (at < end) {
      const index = Math.floor(at / BLOCK_BYTES);
      const from = at - index * BLOCK_BYTES;
      const to = Math.min(BLOCK_BYTES, end - index * BLOCK_BYTES);
      const block = this.#blocks.get(index);
      const stored = block === undefined ? 0 : Math.max(0, Math.min(block.length, to) - from);
      if (block !== undefined && stored > 0) parts.push(block.subarray(from, from + stored));
      if (stored < to - from) parts.push(ZEROS.subarray(0, to - from - stored));
      at = index * BLOCK_BYTES + to;
    }
    return parts;
  }

  /** Bytes that `reserve` of the same range would add. */
  missing(offset: number, length: number): number {
    let missing = 0;
    for (let at = offset; at < offset + length; at = (Math.floor(at / BLOCK_BYTES) + 1) * BLOCK_BYTES) {
      const index = Math.floor(at / BLOCK_BYTES);
      const to = Math.min(BLOCK_BYTES, offset + length - index * BLOCK_BYTES);
      const have = this.#blocks.get(index)?.length ?? 0;
      if (have < to) missing += grown(to) - have;
    }
    return missing;
  }

  /** Makes room for a range; its bytes stay what they are. */
  reserve(offset: number, length: number): void {
    for (let at = offset; at < offset + length; at = (Math.floor(at / BLOCK_BYTES) + 1) * BLOCK_BYTES) {
      const index = Math.floor(at / BLOCK_BYTES);
      this.#block(index, Math.min(BLOCK_BYTES, offset + length - index * BLOCK_BYTES));
    }
  }

  /** Copies `data` in; the file grows as it must. */
  write(offset: number, data: Uint8Array): void {
    let done = 0;
    while (done < data.length) {
      const index = Math.floor((offset + done) / BLOCK_BYTES);
      const from = offset + done - index * BLOCK_BYTES;
      const count = Math.min(BLOCK_BYTES - from, data.length - done);
      this.#block(index, from + count).set(data.subarray(done, done + count), from);
      done += count;
    }
    this.sizeBytes = Math.max(this.sizeBytes, offset + data.length);
  }

  /** Cuts the file, or lets it grow by a hole. */
  truncate(sizeBytes: number): void {
    if (sizeBytes < this.sizeBytes) this.clear(sizeBytes, Infinity);
    this.sizeBytes = sizeBytes;
  }

  /** Makes a range zero; whole blocks become holes. */
  clear(offset: number, length: number): void {
    const end = offset + length;
    for (const [index, block] of this.#blocks) {
      const start = index * BLOCK_BYTES;
      if (start + block.length <= offset || start >= end) continue;
      if (offset <= start && end >= start + block.length) {
        this.#blocks.delete(index);
        this.storedBytes -= block.length;
      } else {
        block.fill(0, Math.max(0, offset - start), Math.min(block.length, end - start));
      }
    }
  }

  /** The first place at or behind `offset` that is in a block, or in a hole; `undefined`: there is none before the end. */
  seek(offset: number, wanted: "data" | "hole"): number | undefined {
    if (offset < 0 || offset >= this.sizeBytes) return undefined;
    if (wanted === "hole") {
      let index = Math.floor(offset / BLOCK_BYTES);
      if (!this.#blocks.has(index)) return offset;
      while (this.#blocks.has(index)) index++;
      return Math.min(index * BLOCK_BYTES, this.sizeBytes);
    }
    const first = Math.floor(offset / BLOCK_BYTES);
    if (this.#blocks.has(first)) return offset;
    let next = Infinity;
    for (const index of this.#blocks.keys()) if (index > first && index < next) next = index;
    const at = next * BLOCK_BYTES;
    return at < this.sizeBytes ? at : undefined;
  }

  #block(index: number, length: number): Buffer {
    const block = this.#blocks.get(index);
    if (block !== undefined && block.length >= length) return block;
    const larger = Buffer.alloc(grown(length));
    if (block !== undefined) larger.set(block);
    this.storedBytes += larger.length - (block?.length ?? 0);
    this.#blocks.set(index, larger);
    return larger;
  }
}

/** Blocks double while they grow, so that small files take little and appending stays cheap. */
function grown(length: number): number {
  let bytes = SMALLEST_BYTES;
  while (bytes < length) bytes *= 2;
  return bytes;
}
