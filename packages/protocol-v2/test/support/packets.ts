/** Packets as tests write them: texts, and `0000` and `0001` for themselves. */
export function packets(...lines: string[]): Buffer {
  return Buffer.concat(
    lines.map((line) => {
      if (line === "0000" || line === "0001") return Buffer.from(line);
      const text = Buffer.from(line);
      return Buffer.concat([Buffer.from((text.length + 4).toString(16).padStart(4, "0")), text]);
    }),
  );
}

/** One packet as read back. */
export type ReadPacket = "0000" | "0001" | "0002" | Buffer;

/** Reads packets apart; throws where they are not well formed. */
export function readPackets(bytes: Uint8Array): ReadPacket[] {
  const { found, rest } = readLeadingPackets(bytes);
  if (rest.length > 0) throw new Error("a bare pack follows");
  return found;
}

/** The same, up to a pack that comes bare. */
export function readLeadingPackets(bytes: Uint8Array): { found: ReadPacket[]; rest: Buffer } {
  const all = Buffer.from(bytes);
  const found: ReadPacket[] = [];
  for (let at = 0; at < all.length; ) {
    const digits = all.subarray(at, at + 4).toString("latin1");
    if (digits === "PACK") return { found, rest: all.subarray(at) };
    if (!/^[0-9a-f]{4}$/.test(digits)) throw new Error(`no packet at ${at}: ${JSON.stringify(digits)}`);
    const length = Number.parseInt(digits, 16);
    if (length < 3) {
      found.push(digits as "0000");
      at += 4;
      continue;
    }
    if (length < 4 || at + length > all.length) throw new Error(`bad packet length at ${at}`);
    found.push(all.subarray(at + 4, at + length));
    at += length;
  }
  return { found, rest: Buffer.alloc(0) };
}

/** The data of one band, put together; packets of length 4 and specials are left out. */
export function bandOf(found: readonly ReadPacket[], band: number): Buffer {
  return Buffer.concat(
    found.flatMap((each) => (typeof each !== "string" && each[0] === band ? [each.subarray(1)] : [])),
  );
}

/** Everything an iterable gives. */
export async function collect(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of source) chunks.push(chunk);
  return Buffer.concat(chunks);
}
