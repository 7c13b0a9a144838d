import { FuseError } from "../errors.ts";

/** Reads the numbers and names of one message in order, and never beyond its end. */
export class Cursor {
  readonly #bytes: Buffer;
  #at: number;

  constructor(bytes: Uint8Array, at = 0) {
    this.#bytes = Buffer.from(bytes.buffer, bytes.byteOffset, bytes.byteLength);
    this.#at = at;
  }

  #take(length: number): number {
    const at = this.#at;
    if (at + length > this.#bytes.length) {
      throw new FuseError(
        "FUSE_SHORT_MESSAGE",
        `A message of ${this.#bytes.length} bytes ends inside a field`,
      );
    }
    this.#at = at + length;
    return at;
  }

  skip(length: number): void {
    this.#take(length);
  }

  u16(): number {
    return this.#bytes.readUInt16LE(this.#take(2));
  }

  u32(): number {
    return this.#bytes.readUInt32LE(this.#take(4));
  }

  /** An identifier, which must be exact. @throws FuseError FUSE_BAD_MESSAGE beyond 2^53. */
  id(): number {
    const value = this.size();
    if (value > Number.MAX_SAFE_INTEGER)
      throw new FuseError("FUSE_BAD_MESSAGE", "An identifier exceeds 2^53");
    return value;
  }

  /** An offset or a length: beyond 2^53 it is no longer exact, which tells "too much" as well. */
  size(): number {
    const at = this.#take(8);
    return this.#bytes.readUInt32LE(at + 4) * 0x1_0000_0000 + this.#bytes.readUInt32LE(at);
  }

  signed(): number {
    const at = this.#take(8);
    return this.#bytes.readInt32LE(at + 4) * 0x1_0000_0000 + this.#bytes.readUInt32LE(at);
  }

  /** A name, one byte to a character, and the zero behind it. */
  name(): string {
    const end = this.#bytes.indexOf(0, this.#at);
    if (end < 0) throw new FuseError("FUSE_BAD_MESSAGE", "A name has no end");
    const name = this.#bytes.toString("latin1", this.#at, end);
    this.#at = end + 1;
    return name;
  }

  /** A view of the next bytes: valid as long as the message's memory is. */
  bytes(length: number): Uint8Array {
    const at = this.#take(length);
    return this.#bytes.subarray(at, at + length);
  }
}
