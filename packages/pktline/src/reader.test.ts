import { Readable } from "node:stream";
import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { all, concat, cut, cuts, expectSame, inTurn, payloads, shown, utf8 } from "../test/bytes.ts";
import { createPktReader, type PktReader, pktLine } from "./index.ts";

const drain = async (reader: PktReader): Promise<unknown[]> => {
  const packets: unknown[] = [];
  for (let packet = await reader.read(); packet !== undefined; packet = await reader.read())
    packets.push(shown(packet));
  return packets;
};
/** A source that tells what is done to it. */
const watched = (chunks: readonly string[], end: () => Promise<void> = async () => {}) => {
  const log: string[] = [];
  const source = (async function* () {
    try {
      for (const chunk of chunks) {
        log.push(`pull ${chunk}`);
        yield utf8(chunk);
      }
      await end();
    } finally {
      log.push("released");
    }
  })();
  return { log, source };
};

describe("createPktReader", () => {
  it("gives the same packets and rest for any chunking, of any kind of source", async () => {
    await fc.assert(
      fc.asyncProperty(
        fc.array(payloads, { maxLength: 6 }),
        fc.uint8Array({ maxLength: 50 }),
        cuts,
        fc.constantFrom("array", "generator", "stream"),
        async (lines, raw, places, kind) => {
          const chunks = cut(concat([...lines.map((line) => pktLine(line)), raw]), places);
          const source =
            kind === "array" ? chunks : kind === "generator" ? inTurn(chunks) : Readable.from(chunks);
          const reader = createPktReader(source);
          for (const bytes of lines) expect(shown(await reader.read())).toBe(shown({ type: "data", bytes }));
          expectSame(concat(await all(reader.rest())), raw);
        },
      ),
      { numRuns: 50 },
    );
  });

  it("pulls only while somebody waits, and gives what is there without waiting", async () => {
    const { log, source } = watched(["0006a\n0006b", "\n0000"]);
    const reader = createPktReader(source);
    expect(reader.next()).toBeUndefined();
    expect(log).toEqual([]);
    expect(shown(await reader.read())).toBe("data a\n");
    expect(reader.next()).toBeUndefined();
    expect(log).toEqual(["pull 0006a\n0006b"]);
    expect(shown(await reader.read())).toBe("data b\n");
    expect(shown(reader.next())).toBe("flush");
    expect(await reader.read()).toBeUndefined();
    expect(await reader.read()).toBeUndefined();
    expect(log.at(-1)).toBe("released");
  });

  it("releases its source when it is cancelled, or left in the rest", async () => {
    const first = watched(["0000", "0000"]);
    const reader = createPktReader(first.source);
    await reader.read();
    await reader.cancel();
    await reader[Symbol.asyncDispose]();
    expect(first.log).toEqual(["pull 0000", "released"]);
    expect(await reader.read()).toBeUndefined();

    const second = watched(["0000PA", "CK"]);
    const other = createPktReader(second.source);
    await other.read();
    for await (const chunk of other.rest()) {
      expect(chunk).toEqual(utf8("PA"));
      break;
    }
    expect(second.log).toEqual(["pull 0000PA", "released"]);
  });

  it("throws what is wrong with the bytes, and what the source throws", async () => {
    await expect(drain(createPktReader([utf8("000"), utf8("6a")]))).rejects.toMatchObject({
      code: "PKTLINE_TRUNCATED",
    });
    await expect(drain(createPktReader([utf8("0003")]))).rejects.toMatchObject({
      code: "PKTLINE_BAD_LENGTH",
    });
    await expect(drain(createPktReader([utf8("0010")], { maxPacketBytes: 8 }))).rejects.toMatchObject({
      code: "PKTLINE_TOO_LONG",
    });
    const broken = new Error("reset by peer");
    await expect(drain(createPktReader(watched(["0000"], () => Promise.reject(broken)).source))).rejects.toBe(
      broken,
    );
  });

  it("stops waiting when its signal is aborted", async () => {
    const controller = new AbortController();
    const { source } = watched(["0000"], () => new Promise(() => {}));
    const reader = createPktReader(source, { signal: controller.signal });
    expect(shown(await reader.read())).toBe("flush");
    const reason = new Error("enough");
    const waiting = reader.read();
    controller.abort(reason);
    await expect(waiting).rejects.toBe(reason);
    await expect(reader.read()).rejects.toBe(reason);
    await reader.cancel();
  });
});
