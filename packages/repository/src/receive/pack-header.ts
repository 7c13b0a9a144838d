const HEADER_BYTES = 12;
const SIGNATURE = 0x5041_434b;

/** A pack whose header has been looked at. */
export interface HeadedPack {
  /** All of it, from its first byte; to be iterated once. */
  readonly bytes: AsyncIterable<Uint8Array>;
  /** What git says of the header before it unpacks; `undefined` where there is nothing to say. */
  readonly fault: string | undefined;
  /** How many objects the header announces. */
  readonly objectCount: number;
  /** Lets go of a pack that is not read on. */
  release(): Promise<void>;
}

/** Reads a pack's first bytes (gitformat-pack), as git receive-pack does before it chooses an unpacker. */
export async function readPackHeader(pack: AsyncIterable<Uint8Array>): Promise<HeadedPack> {
  const source = pack[Symbol.asyncIterator]();
  const header = Buffer.alloc(HEADER_BYTES);
  const first: Uint8Array[] = [];
  let filled = 0;
  while (filled < HEADER_BYTES) {
    const { done, value } = await source.next();
    if (done === true) break;
    // The chunk is the giver's again with the next one.
    first.push(value.slice());
    header.set(value.subarray(0, HEADER_BYTES - filled), filled);
    filled = Math.min(HEADER_BYTES, filled + value.length);
  }
  const release = async (): Promise<void> => {
    await source.return?.();
  };
  async function* read(): AsyncGenerator<Uint8Array> {
    try {
      for (const chunk of first.splice(0)) yield chunk;
      yield* { [Symbol.asyncIterator]: () => source };
    } finally {
      await release();
    }
  }
  return { bytes: read(), fault: faultIn(header, filled), objectCount: header.readUInt32BE(8), release };
}

function faultIn(header: Buffer, filled: number): string | undefined {
  if (filled < HEADER_BYTES) return "eof before pack header was fully read";
  if (header.readUInt32BE(0) !== SIGNATURE) return "protocol error (pack signature mismatch detected)";
  const version = header.readUInt32BE(4);
  return version === 2 || version === 3 ? undefined : "protocol error (pack version unsupported)";
}
