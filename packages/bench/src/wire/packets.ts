/** Packets as git's protocol frames them (gitprotocol-common); special ones are written as their four digits. */
export function packets(...lines: readonly string[]): Buffer {
  return Buffer.concat(
    lines.map((line) => {
      if (/^000[012]$/.test(line)) return Buffer.from(line);
      return Buffer.from(`${(Buffer.byteLength(line) + 4).toString(16).padStart(4, "0")}${line}`);
    }),
  );
}

/** The packets of a whole answer; special ones are left out. */
export function* readPackets(bytes: Buffer): Generator<Buffer> {
  for (let at = 0; at < bytes.length; ) {
    const length = Number.parseInt(bytes.toString("latin1", at, at + 4), 16);
    if (Number.isNaN(length)) throw new Error(`no packet at ${at}`);
    if (length > 3) yield bytes.subarray(at + 4, at + length);
    at += Math.max(length, 4);
  }
}

/** What came on one band of the sideband. */
export function band(bytes: Buffer, number: number): Buffer {
  const parts: Buffer[] = [];
  for (const packet of readPackets(bytes)) if (packet[0] === number) parts.push(packet.subarray(1));
  return Buffer.concat(parts);
}
