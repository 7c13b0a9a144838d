import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { expectSame, payloads, utf8 } from "../test/bytes.ts";
import {
  createPktDecoder,
  DELIM,
  encodePkt,
  errorPkt,
  errorPktText,
  FLUSH,
  type PktLine,
  pktLine,
  pktText,
  RESPONSE_END,
} from "./index.ts";

const only = (bytes: Uint8Array): PktLine => {
  const decoder = createPktDecoder();
  decoder.push(bytes);
  const packet = decoder.next();
  if (packet === undefined) throw new Error("no packet");
  expect(decoder.rest()).toHaveLength(0);
  return packet;
};

describe("encoding", () => {
  it("writes the examples of gitprotocol-common", () => {
    expect(["a\n", "a", "foobar\n", ""].map((text) => Buffer.from(pktLine(text)).toString())).toEqual([
      "0006a\n",
      "0005a",
      "000bfoobar\n",
      "0004",
    ]);
    expect([FLUSH, DELIM, RESPONSE_END].map((mark) => Buffer.from(mark).toString())).toEqual([
      "0000",
      "0001",
      "0002",
    ]);
    expect(Buffer.from(pktLine("réf\n")).toString()).toBe("0009réf\n");
  });

  it("writes one behind the other into a buffer", () => {
    const target = new Uint8Array(20).fill(0x2e);
    const at = encodePkt(utf8("one"), target, 2);
    expect(at).toBe(9);
    expect(encodePkt(utf8("two\n"), target, at)).toBe(17);
    expect(Buffer.from(target).toString()).toBe("..0007one0008two\n...");
  });

  it("refuses what does not fit, and writes nothing then", () => {
    const target = new Uint8Array(70_000);
    const code = (fn: () => unknown): unknown => {
      try {
        fn();
      } catch (error) {
        return (error as { code: unknown }).code;
      }
      return undefined;
    };
    expect(code(() => encodePkt(new Uint8Array(65_517), target, 0))).toBe("PKTLINE_TOO_LONG");
    expect(code(() => pktLine(new Uint8Array(65_517)))).toBe("PKTLINE_TOO_LONG");
    expect(code(() => pktLine("é".repeat(32_759)))).toBe("PKTLINE_TOO_LONG");
    expect(code(() => encodePkt(utf8("abc"), target, 69_994))).toBe("PKTLINE_NO_ROOM");
    expect(target.every((byte) => byte === 0)).toBe(true);
    expect(encodePkt(new Uint8Array(65_516), target, 0)).toBe(65_520);
    expect(pktLine("é".repeat(32_758))).toHaveLength(65_520);
  });

  it("is read back as it was", () => {
    fc.assert(
      fc.property(payloads, fc.nat(9), (payload, at) => {
        const target = new Uint8Array(at + payload.length + 4);
        expect(encodePkt(payload, target, at)).toBe(target.length);
        const packet = only(target.subarray(at));
        expectSame(packet.type === "data" ? packet.bytes : FLUSH, payload);
        expectSame(pktLine(payload), target.subarray(at));
      }),
    );
    fc.assert(
      fc.property(fc.string({ unit: "grapheme" }), (text) => {
        expect(pktText(only(pktLine(`${text}\n`)))).toBe(text);
      }),
    );
  });
});

describe("text", () => {
  it("loses one line feed, and no more", () => {
    expect(["a\n", "a", "a\n\n", "\n", "", "a\r\n"].map((text) => pktText(only(pktLine(text))))).toEqual([
      "a",
      "a",
      "a\n",
      "",
      "",
      "a\r",
    ]);
    expect(pktText({ type: "flush" })).toBe("");
  });

  it("goes out and comes in as an ERR packet", () => {
    expect(Buffer.from(errorPkt("no such repository")).toString()).toBe("001aERR no such repository");
    expect(errorPktText(only(errorPkt("no\n")))).toBe("no");
    expect(errorPktText(only(pktLine("ERROR no")))).toBeUndefined();
    expect(errorPktText(only(pktLine("ER")))).toBeUndefined();
    expect(errorPktText({ type: "flush" })).toBeUndefined();
    const long = errorPktText(only(errorPkt("é".repeat(70_000))));
    expect(long).toBe("é".repeat((65_516 - 4) / 2));
  });
});
