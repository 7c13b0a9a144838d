/** Packets as tests write them: texts, and `0000`, `0001` and `0002` for themselves (gitprotocol-common). */
export function packets(...lines: readonly string[]): Buffer {
  return Buffer.concat(
    lines.map((line) => {
      if (/^000[012]$/.test(line)) return Buffer.from(line);
      const text = Buffer.from(line);
      return Buffer.concat([Buffer.from((text.length + 4).toString(16).padStart(4, "0")), text]);
    }),
  );
}

/** One packet as it was read: its bytes, or a special packet's digits. */
export type ReadPacket = string | Buffer;

/** Reads packets apart up to a pack that comes bare; throws where they are not well formed. */
export function readPackets(bytes: Uint8Array): { found: ReadPacket[]; rest: Buffer } {
  const all = Buffer.from(bytes);
  const found: ReadPacket[] = [];
  for (let at = 0; at < all.length; ) {
    const digits = all.subarray(at, at + 4).toString("latin1");
    if (digits === "PACK") return { found, rest: all.subarray(at) };
    if (!/^[0-9a-f]{4}$/.test(digits)) throw new Error(`no packet at ${at}: ${JSON.stringify(digits)}`);
    const length = Number.parseInt(digits, 16);
    if (length > 3 && at + length > all.length) throw new Error(`packet at ${at} ends early`);
    found.push(length > 3 ? all.subarray(at + 4, at + length) : digits);
    at += Math.max(length, 4);
  }
  return { found, rest: Buffer.alloc(0) };
}

/** What a packet carries on a band of the sideband; `undefined` where it is none of that band. */
export function bandOf(packet: ReadPacket, band: number): Buffer | undefined {
  return typeof packet !== "string" && packet[0] === band ? packet.subarray(1) : undefined;
}

/** Everything an iterable gives. */
export async function collect(source: AsyncIterable<Uint8Array>): Promise<Buffer> {
  const chunks: Uint8Array[] = [];
  for await (const chunk of source) chunks.push(chunk);
  return Buffer.concat(chunks);
}
