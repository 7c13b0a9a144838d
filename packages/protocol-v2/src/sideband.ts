const lengthDigits = 4;
const bandBytes = 1;
/** Data bytes of the largest packet in side-band-64k. */
const maxData = 65_515;
const overhead = lengthDigits + bandBytes;

/** 1 is data, 2 is for the user's eyes, 3 is the last word before the end. */
export type Band = 1 | 2 | 3;

/** An empty packet of band 2: nobody sees it, and the connection is not silent. */
export const keepAlive: Uint8Array = Uint8Array.of(0x30, 0x30, 0x30, 0x35, 0x02);

/**
 * Bytes on a band, in as many packets as they need; at least one.
 * Implements gitprotocol-capabilities, "side-band, side-band-64k".
 */
export function bandPackets(band: Band, data: Uint8Array): Uint8Array {
  const packets = Math.max(1, Math.ceil(data.length / maxData));
  const out = new Uint8Array(data.length + packets * overhead);
  let at = 0;
  for (let index = 0; index < packets; index++) {
    const part = data.subarray(index * maxData, (index + 1) * maxData);
    at = writeHeader(out, at, band, part.length);
    out.set(part, at);
    at += part.length;
  }
  return out;
}

/** Texts on a band, a packet each. */
export function bandTexts(band: Band, texts: readonly string[]): Uint8Array {
  return Buffer.concat(texts.map((text) => bandPackets(band, new TextEncoder().encode(text))));
}

/** Cuts a stream into packets of band 1 that are all full but the last, whatever chunks it comes in. */
export interface BandPacker {
  /** Copies `data`; answers the packets that are full now, the receiver's to keep. */
  add(data: Uint8Array): Uint8Array | undefined;
  /** The last packet, where something is left. */
  end(): Uint8Array | undefined;
}

export function createBandPacker(): BandPacker {
  const held = new Uint8Array(maxData);
  let heldBytes = 0;
  return {
    add(data) {
      const full = Math.floor((heldBytes + data.length) / maxData);
      let taken = 0;
      let out: Uint8Array | undefined;
      if (full > 0) {
        out = new Uint8Array(full * (maxData + overhead));
        let at = 0;
        for (let index = 0; index < full; index++) {
          at = writeHeader(out, at, 1, maxData);
          out.set(held.subarray(0, heldBytes), at);
          const part = maxData - heldBytes;
          out.set(data.subarray(taken, taken + part), at + heldBytes);
          taken += part;
          heldBytes = 0;
          at += maxData;
        }
      }
      held.set(data.subarray(taken), heldBytes);
      heldBytes += data.length - taken;
      return out;
    },
    end() {
      if (heldBytes === 0) return undefined;
      const out = bandPackets(1, held.subarray(0, heldBytes));
      heldBytes = 0;
      return out;
    },
  };
}

const hexDigits = "0123456789abcdef";

function writeHeader(out: Uint8Array, at: number, band: Band, dataBytes: number): number {
  const length = dataBytes + overhead;
  for (let digit = 0; digit < lengthDigits; digit++) {
    out[at + digit] = hexDigits.charCodeAt((length >> (4 * (lengthDigits - 1 - digit))) & 15);
  }
  out[at + lengthDigits] = band;
  return at + overhead;
}
