import fc from "fast-check";
import { expect, it } from "vitest";
import { sidebandPackets } from "./frame.ts";
import { openPacketRoom } from "./packet-room.ts";

it("gives the packets that the data has when it is cut, wherever it comes from", () => {
  fc.assert(
    fc.property(
      fc.integer({ min: 1, max: 40 }),
      fc.nat(300),
      fc.uint8Array({ maxLength: 300 }),
      fc.constantFrom(1 as const, 2 as const, 3 as const),
      (maxDataBytes, bufferBytes, data, band) => {
        const room = openPacketRoom(new Uint8Array(bufferBytes).fill(255), maxDataBytes);
        let at = 0;
        for (const place of room.places) {
          const part = data.subarray(at, at + place.length);
          place.set(part);
          at += part.length;
        }
        const fitting = data.subarray(0, at);
        expect(Buffer.compare(room.close(band, at), sidebandPackets(band, fitting, maxDataBytes))).toBe(0);
        for (const place of room.places) expect(place.length).toBe(maxDataBytes);
        expect(room.places.length).toBe(Math.floor(bufferBytes / (maxDataBytes + 5)));
        expect(at).toBe(Math.min(room.places.length * maxDataBytes, data.length));
      },
    ),
  );
});

it("refuses sizes that no packet can have", () => {
  for (const size of [0, 65_516, Number.NaN]) {
    expect(() => openPacketRoom(new Uint8Array(10), size)).toThrow(
      expect.objectContaining({ code: "PKTLINE_TOO_LONG" }),
    );
  }
});
