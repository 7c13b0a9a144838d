import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { concat, cut, cuts, expectSame, payloads, shown, utf8 } from "../test/bytes.ts";
import {
  createPktDecoder,
  DELIM,
  FLUSH,
  type PktDecoder,
  PktlineError,
  pktLine,
  RESPONSE_END,
} from "./index.ts";

const drain = (decoder: PktDecoder): (string | undefined)[] => {
  const packets: (string | undefined)[] = [];
  for (let packet = decoder.next(); packet !== undefined; packet = decoder.next())
    packets.push(shown(packet));
  return packets;
};
const failure = (fn: () => unknown): PktlineError => {
  try {
    fn();
  } catch (error) {
    if (error instanceof PktlineError) return error;
    throw error;
  }
  throw new Error("did not throw");
};
const fed = (text: string | Uint8Array, maxPacketBytes?: number): PktDecoder => {
  const decoder = createPktDecoder({ maxPacketBytes });
  decoder.push(typeof text === "string" ? utf8(text) : text);
  return decoder;
};

describe("createPktDecoder", () => {
  it("reads data, empty data and the three marks", () => {
    expect(drain(fed("0006a\n0005a000bfoobar\n00040000000100020007\0\x01\xff".slice(0, -1)))).toEqual([
      "data a\n",
      "data a",
      "data foobar\n",
      "data ",
      "flush",
      "delim",
      "response-end",
    ]);
  });

  it("reads upper-case digits", () => {
    expect(drain(fed(`000A012345000B0123456`))).toEqual(["data 012345", "data 0123456"]);
  });

  it("gives a view where the payload lies in one chunk, also behind split digits", () => {
    const chunk = utf8("0009hello0009wor");
    const decoder = fed(chunk);
    const first = decoder.next();
    expect(first).toEqual({ type: "data", bytes: utf8("hello") });
    expect(first?.type === "data" && first.bytes.buffer === chunk.buffer).toBe(true);
    expect(decoder.next()).toBeUndefined();
    const second = utf8("ld00");
    decoder.push(second);
    const joined = decoder.next();
    expect(shown(joined)).toBe("data world");
    expect(decoder.next()).toBeUndefined();
    const third = utf8("06ab");
    decoder.push(third);
    const behind = decoder.next();
    expect(behind?.type === "data" && behind.bytes.buffer === third.buffer).toBe(true);
    expect(shown(joined)).toBe("data world");
  });

  it("has copied what it needs of a chunk when it asks for more", () => {
    const chunk = utf8("0009wor");
    const decoder = fed(chunk);
    expect(decoder.next()).toBeUndefined();
    chunk.fill(0);
    decoder.push(utf8("ld"));
    expect(shown(decoder.next())).toBe("data world");
  });

  it("takes several chunks before it is asked", () => {
    const decoder = fed("0009he");
    decoder.push(utf8("llo00"));
    decoder.push(utf8(""));
    decoder.push(utf8("00"));
    expect(drain(decoder)).toEqual(["data hello", "flush"]);
  });

  it("gives the rest behind a packet in mid-chunk, and goes on with what is pushed next", () => {
    const chunk = utf8("0006a\n0000PACK....");
    const decoder = fed(chunk);
    decoder.next();
    expect(decoder.next()?.type).toBe("flush");
    const rest = decoder.rest();
    expect(rest).toEqual(utf8("PACK...."));
    expect(rest.buffer).toBe(chunk.buffer);
    expect(decoder.rest()).toHaveLength(0);
    decoder.push(utf8("0001"));
    expect(drain(decoder)).toEqual(["delim"]);
    decoder.end();
  });

  it("gives the rest whole where a packet was begun", () => {
    for (const [pushed, more] of [
      ["00", "1"],
      ["000Aab", "cd"],
    ] as const) {
      const decoder = fed(pushed);
      expect(decoder.next()).toBeUndefined();
      decoder.push(utf8(more));
      expect(decoder.rest()).toEqual(utf8(pushed + more));
      decoder.end();
    }
  });

  it.each([
    ["0003", "PKTLINE_BAD_LENGTH", "bad line length 3: 0003"],
    ["zzzz", "PKTLINE_BAD_LENGTH", "bad line length character: zzzz"],
    ["-001", "PKTLINE_BAD_LENGTH", "bad line length character: -001"],
    ["0x10", "PKTLINE_BAD_LENGTH", "bad line length character: 0x10"],
    [" 010", "PKTLINE_BAD_LENGTH", "bad line length character:  010"],
    ["\x1b[2J", "PKTLINE_BAD_LENGTH", "bad line length character: \\x1b[2J"],
    ["fff1", "PKTLINE_TOO_LONG", "bad line length 65521: fff1"],
    ["FFFF", "PKTLINE_TOO_LONG", "bad line length 65535: FFFF"],
  ])("refuses %j", (digits, code, message) => {
    for (const pieces of [[`0006a\n${digits}`], ["0006a\n", ...digits.split("")]]) {
      const decoder = createPktDecoder();
      const packets: unknown[] = [];
      const error = failure(() => {
        for (const piece of pieces) {
          decoder.push(utf8(piece));
          packets.push(...drain(decoder));
        }
      });
      expect(error).toMatchObject({ code, message, offset: 6 });
      expect(failure(() => decoder.next())).toBe(error);
      expect(failure(() => decoder.end())).toBe(error);
    }
  });

  it("reads packets up to the longest, and no longer than the bound it was given", () => {
    expect(shown(fed(pktLine(new Uint8Array(65_516).fill(0x61))).next())).toHaveLength(5 + 65_516);
    expect(shown(fed("0010012345678901", 16).next())).toBe("data 012345678901");
    expect(failure(() => fed("0011", 16).next()).code).toBe("PKTLINE_TOO_LONG");
    expect(drain(fed("000400000001", 4))).toEqual(["data ", "flush", "delim"]);
    for (const maxPacketBytes of [3, 65_521, 4.5, Number.NaN]) {
      expect(() => createPktDecoder({ maxPacketBytes })).toThrow();
    }
  });

  it("tells a stream that ends in mid-packet", () => {
    for (const [text, offset] of [
      ["0", 0],
      ["0000000", 4],
      ["0006a", 0],
      ["0006a\n000a1234", 6],
    ] as const) {
      const decoder = fed(text);
      drain(decoder);
      expect(failure(() => decoder.end())).toMatchObject({ code: "PKTLINE_TRUNCATED", offset });
    }
    const decoder = fed("0006a\n");
    drain(decoder);
    decoder.end();
    createPktDecoder().end();
  });

  it("gives the same packets for any chunking", () => {
    const packet = fc.oneof(
      payloads.map((bytes) => ({ shown: shown({ type: "data", bytes }), bytes: pktLine(bytes) })),
      fc.constantFrom(
        { shown: "flush", bytes: FLUSH },
        { shown: "delim", bytes: DELIM },
        { shown: "response-end", bytes: RESPONSE_END },
      ),
    );
    fc.assert(
      fc.property(fc.array(packet, { maxLength: 12 }), cuts, fc.boolean(), (packets, places, onePush) => {
        const decoder = createPktDecoder();
        const seen: (string | undefined)[] = [];
        for (const chunk of cut(concat(packets.map(({ bytes }) => bytes)), places)) {
          decoder.push(chunk);
          if (!onePush) seen.push(...drain(decoder));
        }
        seen.push(...drain(decoder));
        decoder.end();
        expect(seen).toEqual(packets.map((each) => each.shown));
      }),
    );
  });

  it("gives packets or typed errors for any bytes, the same for any chunking", () => {
    const digits = fc.constantFrom(..."0123456789abcdefF gz".split("")).map((digit) => utf8(digit));
    const noise = fc.array(fc.oneof(digits, fc.uint8Array({ maxLength: 6 })), { maxLength: 40 }).map(concat);
    const outcome = (chunks: readonly Uint8Array[]): unknown[] => {
      const decoder = createPktDecoder({ maxPacketBytes: 100 });
      const seen: unknown[] = [];
      try {
        for (const chunk of chunks) {
          decoder.push(chunk);
          for (let packet = decoder.next(); packet !== undefined; packet = decoder.next())
            seen.push(shown(packet));
        }
        decoder.end();
      } catch (error) {
        if (!(error instanceof PktlineError)) throw error;
        seen.push([error.code, error.message, error.offset]);
      }
      return seen;
    };
    fc.assert(
      fc.property(noise, cuts, (bytes, places) => {
        expect(outcome(cut(bytes, places))).toEqual(outcome([bytes]));
      }),
      { numRuns: 1000 },
    );
  });

  it("hands over every byte once: packets, then the rest", () => {
    fc.assert(
      fc.property(
        fc.array(payloads, { maxLength: 5 }),
        fc.uint8Array(),
        cuts,
        fc.nat(6),
        (lines, raw, places, taken) => {
          const packets = lines.map((line) => pktLine(line));
          const decoder = createPktDecoder();
          const rest: Uint8Array[] = [];
          let left = Math.min(taken, lines.length);
          const skipped = packets.slice(0, left).reduce((sum, { length }) => sum + length, 0);
          const stream = concat([...packets, raw]);
          for (const chunk of cut(stream, places)) {
            decoder.push(chunk);
            while (left > 0 && decoder.next() !== undefined) left -= 1;
            if (left === 0) rest.push(decoder.rest());
          }
          expectSame(concat(rest), stream.subarray(skipped));
        },
      ),
    );
  });
});
