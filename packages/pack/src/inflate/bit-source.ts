const NO_BYTES: Uint8Array = new Uint8Array(0);

/** Input of a deflate stream, chunk by chunk, taken bit by bit (RFC 1951, 3.1.1). The fast loop works on its fields. */
export class BitSource {
  input: Uint8Array = NO_BYTES;
  pos = 0;
  end = 0;
  /** Bits taken from the input but not used, the next one lowest; at most 31. */
  hold = 0;
  bits = 0;

  /** Forgets all bits, for a new stream. */
  reset(): void {
    this.hold = 0;
    this.bits = 0;
  }

  open(input: Uint8Array, start: number, end: number): void {
    this.input = input;
    this.pos = start;
    this.end = end;
  }

  /** Lets go of the chunk; the bits held stay. */
  close(): void {
    this.input = NO_BYTES;
  }

  /** Takes input until `count` bits, up to 16, are held; false where the input ends before. */
  need(count: number): boolean {
    while (this.bits < count) {
      if (this.pos === this.end) return false;
      this.hold |= this.input[this.pos++]! << this.bits;
      this.bits += 8;
    }
    return true;
  }

  /** Uses up `count` bits that are held. */
  take(count: number): number {
    const value = this.hold & ((1 << count) - 1);
    this.hold >>>= count;
    this.bits -= count;
    return value;
  }

  /** Drops what is left of a byte. */
  align(): void {
    this.take(this.bits & 7);
  }
}
