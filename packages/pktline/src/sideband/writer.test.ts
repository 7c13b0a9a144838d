import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { concat, cut, cuts, expectSame, utf8 } from "../../test/bytes.ts";
import {
  createSidebandDecoder,
  createSidebandWriter,
  keepAlivePacket,
  readSideband,
  type SidebandEvent,
  sidebandPackets,
} from "../index.ts";

const events = (chunks: readonly Uint8Array[]): SidebandEvent[] => {
  const decoder = createSidebandDecoder();
  const seen: SidebandEvent[] = [];
  for (const chunk of chunks) {
    decoder.push(chunk);
    for (let event = decoder.next(); event !== undefined; event = decoder.next()) seen.push(event);
  }
  decoder.end();
  return seen;
};
const lines = (chunks: readonly Uint8Array[]): string[] =>
  events(chunks).map((event) =>
    "bytes" in event ? `${event.type} ${Buffer.from(event.bytes).toString("latin1")}` : event.type,
  );
const pattern = (length: number): Uint8Array =>
  Uint8Array.from({ length }, (_, i) => (i * 7 + (i >> 8)) & 255);

describe("createSidebandWriter", () => {
  it("gathers small pieces until a flush", () => {
    const writer = createSidebandWriter();
    writer.write(utf8("one "));
    writer.write(utf8("two"));
    expect(writer.take()).toEqual([]);
    writer.flush();
    writer.flush();
    expect(Buffer.concat(writer.take()).toString("latin1")).toBe("000c\x01one two");
    expect(writer.take()).toEqual([]);
  });

  it("splits large pieces into full packets without copying them", () => {
    const data = pattern(65_515 * 2 + 10_000);
    const writer = createSidebandWriter();
    writer.write(data);
    const pieces = writer.take();
    expect(pieces.map(({ length }) => length)).toEqual([5, 65_515, 5, 65_515]);
    expect(Buffer.from(pieces[0] ?? []).toString("latin1")).toBe("fff0\x01");
    expect(pieces[1]?.buffer).toBe(data.buffer);
    writer.flush();
    expectSame(concat([...pieces, ...writer.take()]), sidebandPackets(1, data));
  });

  it("lets progress through between packets and an error behind the data", () => {
    const writer = createSidebandWriter();
    writer.write(utf8("data"));
    writer.progress("50%\r");
    writer.progress("");
    writer.error("fatal: no\n");
    expect(lines(writer.take())).toEqual(["progress 50%\r", "data data", "error fatal: no\n"]);
    writer.write(utf8("data"));
    writer.flush();
    writer.progress(utf8("done\n"));
    expect(lines(writer.take())).toEqual(["data data", "progress done\n"]);
  });

  it("splits texts too, and keeps to the small packets of the old side-band", () => {
    const writer = createSidebandWriter({ maxDataBytes: 995 });
    writer.progress("x".repeat(2000));
    writer.write(pattern(1000));
    writer.flush();
    expect(
      events(writer.take()).map((event) => "bytes" in event && [event.type, event.bytes.length]),
    ).toEqual([
      ["progress", 995],
      ["progress", 995],
      ["progress", 10],
      ["data", 995],
      ["data", 5],
    ]);
    for (const maxDataBytes of [0, 65_516, 1.5])
      expect(() => createSidebandWriter({ maxDataBytes })).toThrow();
  });

  it("makes packets that depend on the bytes alone, never on how they were cut or what was told between", () => {
    const sizes = fc.oneof(fc.nat(300), fc.nat(20_000), fc.nat(200_000));
    const limits = fc.oneof(fc.constantFrom(65_515, 995), fc.integer({ min: 500, max: 5000 }));
    fc.assert(
      fc.property(sizes, limits, cuts, fc.nat(9), (size, maxDataBytes, places, grain) => {
        const data = pattern(size);
        const writer = createSidebandWriter({ maxDataBytes });
        const out: Uint8Array[] = [];
        for (const chunk of cut(data, places)) {
          if (grain === 0) for (const byte of cut(chunk, [1, 2, 3, 5, 8, 4095, 8191])) writer.write(byte);
          else writer.write(chunk);
          if (grain === 1) writer.progress("told");
          if (grain < 5) out.push(...writer.take());
        }
        writer.flush();
        out.push(...writer.take());
        const frames = events(out).filter((event) => event.type === "data");
        expect(frames.map(({ bytes }) => bytes.length)).toEqual(
          events([sidebandPackets(1, data, maxDataBytes)]).map(
            (event) => "bytes" in event && event.bytes.length,
          ),
        );
        expectSame(concat(frames.map(({ bytes }) => bytes)), data);
        if (grain !== 1) expectSame(concat(out), sidebandPackets(1, data, maxDataBytes));
      }),
      { numRuns: 200 },
    );
  });
});

describe("sideband packets", () => {
  it("tell their band", () => {
    expect(
      lines([keepAlivePacket(1), keepAlivePacket(2), sidebandPackets(3, utf8("no")), utf8("000000010002")]),
    ).toEqual(["data ", "progress ", "error no", "flush", "delim", "response-end"]);
    expect(Buffer.from(keepAlivePacket(1)).toString("latin1")).toBe("0005\x01");
    expect(Buffer.from(keepAlivePacket(2)).toString("latin1")).toBe("0005\x02");
    expect(sidebandPackets(2, utf8(""))).toHaveLength(0);
  });

  it("are refused without a band, or with another", () => {
    for (const bytes of [[], [0], [4], [0x50], [255, 1]]) {
      expect(() => readSideband({ type: "data", bytes: Uint8Array.from(bytes) })).toThrow(
        expect.objectContaining({ code: "PKTLINE_BAD_BAND" }),
      );
    }
    for (const max of [0, -1, 65_516, Number.NaN]) {
      expect(() => sidebandPackets(1, utf8("x"), max)).toThrow(
        expect.objectContaining({ code: "PKTLINE_TOO_LONG" }),
      );
    }
  });
});
