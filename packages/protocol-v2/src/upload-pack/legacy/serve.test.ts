import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { bandOf, collect, packets, readLeadingPackets, readPackets } from "../../../test/support/packets.ts";
import { cut, scriptedHost } from "../../../test/support/scripted-host.ts";
import type { ProtocolError } from "../../errors.ts";
import type { PackRequest } from "../../host.ts";
import { serveUploadPack } from "../serve.ts";

const oid = (digit: string): string => digit.repeat(40);
const policy = { wants: "any" } as const;
const wanting = (words: string, ...more: string[]): Buffer =>
  packets(`want ${oid("a")}${words === "" ? "" : ` ${words}`}`, ...more, "0000", "done");

describe("what a host is asked", () => {
  it("gets the request's options and the client's words", async () => {
    const seen: PackRequest[] = [];
    const host = scriptedHost({
      policy: { ...policy, filters: true },
      deepen: async () => ({ shallow: [oid("d")], unshallow: [oid("e")] }),
      async *createPack(request) {
        seen.push(request);
        yield new Uint8Array(1);
      },
    });
    const words = "thin-pack ofs-delta include-tag filter agent=git/x session-id=y side-band-64k";
    const request = wanting(words, `shallow ${oid("e")}`, "deepen 2", "filter tree:1");
    await collect(serveUploadPack(host, [request]));
    expect(seen).toMatchObject([
      {
        wants: [oid("a")],
        haves: [],
        thinPack: true,
        ofsDelta: true,
        includeTag: true,
        clientShallow: [oid("e")],
        shallowUpdate: { shallow: [oid("d")], unshallow: [oid("e")] },
        filter: { kind: "tree", depth: 1 },
        client: { agent: "git/x", sessionId: "y" },
      },
    ]);
  });
});

describe("the pack", () => {
  const bytes = new Uint8Array(5000).fill(7);
  const host = scriptedHost({
    policy,
    async *createPack(request) {
      request.onProgress?.({ phase: "enumerating", objects: 3, done: true });
      yield bytes;
      request.onProgress?.({ phase: "total", objects: 3, deltas: 0, reused: 0, reusedDeltas: 0 });
    },
  });

  it("comes in packets of 1000 bytes for the old bands", async () => {
    const found = readPackets(await collect(serveUploadPack(host, [wanting("side-band")])));
    expect(bandOf(found.slice(1), 1)).toHaveLength(bytes.length);
    expect(Math.max(...found.map((each) => each.length))).toBe(996);
    expect(bandOf(found.slice(1), 2).toString()).toMatch(/^Enumerating objects: 3, done.\nTotal 3 /);
  });

  it("comes bare without bands", async () => {
    const answer = await collect(serveUploadPack(host, [wanting("")]));
    expect(answer.toString("latin1")).toBe(`0008NAK\n${Buffer.from(bytes).toString("latin1")}`);
  });

  it.each([
    ["side-band", true],
    ["side-band-64k", true],
    ["", false],
  ])("is spoken of on band 3 where it fails: %s", async (words, told) => {
    const errors: ProtocolError[] = [];
    const failing = scriptedHost({
      policy,
      async *createPack() {
        yield Buffer.from("PACK");
        throw Object.assign(new Error("secret"), { clientMessage: "x".repeat(1500) });
      },
    });
    const options = { onError: (error: ProtocolError) => errors.push(error) };
    const answer = await collect(serveUploadPack(failing, [wanting(words)], options));
    const { found } = readLeadingPackets(answer);
    expect(bandOf(found.slice(1), 3)).toHaveLength(told ? 1000 : 0);
    expect(errors).toMatchObject([{ code: "PROTOCOL_HOST_FAILED" }]);
  });

  it("is given up when its reader leaves, or the signal ends", async () => {
    for (const words of ["side-band-64k", ""]) {
      const left: boolean[] = [];
      const endless = scriptedHost({
        policy,
        async *createPack(request) {
          try {
            for (;;) yield new Uint8Array(70_000);
          } finally {
            left.push(request.signal?.aborted === true);
          }
        },
      });
      let chunks = 0;
      for await (const _ of serveUploadPack(endless, [wanting(words)])) if (++chunks === 4) break;
      expect(left).toHaveLength(1);
      const stop = new AbortController();
      const answer = serveUploadPack(endless, [wanting(words)], { signal: stop.signal })[
        Symbol.asyncIterator
      ]();
      await answer.next();
      await answer.next();
      stop.abort(new Error("enough"));
      await expect(answer.next()).rejects.toThrow("enough");
      await answer.return(undefined);
      expect(left).toHaveLength(2);
    }
  });
});

it("bounds wants, and what both sides have in common", async () => {
  const errors: ProtocolError[] = [];
  const host = scriptedHost({ policy, reachesCommon: async () => false });
  const onError = (error: ProtocolError): unknown => errors.push(error);
  const two = packets(`want ${oid("a")}`, `want ${oid("b")}`, "0000", "done");
  await collect(serveUploadPack(host, [two], { maxWants: 1, onError }));
  const haves = Array.from({ length: 9 }, (_, n) => [`have ${oid(String(n))}`, "0000"]).flat();
  const long = packets(`want ${oid("a")} multi_ack`, "0000", ...haves, "done");
  await collect(serveUploadPack(host, [long], { stateless: false, maxRequestBytes: 400, onError }));
  expect(errors).toMatchObject([{ code: "PROTOCOL_LIMIT_EXCEEDED" }, { code: "PROTOCOL_LIMIT_EXCEEDED" }]);
});

it("cut anywhere, a conversation has the same answer", async () => {
  const host = scriptedHost({
    policy,
    hasObjects: async (oids) => oids.map((each) => each !== oid("c")),
    reachesCommon: async (_, common) => common.length > 1,
  });
  const words = "multi_ack_detailed side-band-64k";
  const rounds = [
    `have ${oid("c")}`,
    `have ${oid("b")}`,
    "0000",
    `have ${oid("d")}`,
    `have ${oid("c")}`,
    "0000",
  ];
  const input = packets(`want ${oid("a")} ${words}`, "0000", ...rounds, "done");
  const options = { stateless: false };
  const expected = await collect(serveUploadPack(host, [input], options));
  expect(expected.toString()).toContain(`ACK ${oid("c")} ready\n`);
  await fc.assert(
    fc.asyncProperty(fc.array(fc.nat(input.length), { maxLength: 30 }), async (places) => {
      expect((await collect(serveUploadPack(host, cut(input, places), options))).equals(expected)).toBe(true);
    }),
    { numRuns: 100 },
  );
});
