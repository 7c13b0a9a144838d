import fc from "fast-check";
import { expect, it } from "vitest";
import { collect, packets } from "../test/support/packets.ts";
import { scriptedHost } from "../test/support/scripted-host.ts";
import type { AdvertisedRef, RefBatch } from "./host.ts";
import { createLineBatch } from "./line-batch.ts";
import { advertiseReceivePack } from "./receive-pack/advertise.ts";
import { createChunkPool } from "./stream/chunk-pool.ts";
import { advertiseUploadPack } from "./upload-pack/advertise.ts";
import { serveUploadPack } from "./upload-pack/serve.ts";

const oid = fc.stringMatching(/^[0-9a-f]{40}$/);
const ref: fc.Arbitrary<AdvertisedRef> = fc.record(
  { name: fc.stringMatching(/^refs\/[a-z0-9]{1,40}$/), oid, peeled: oid },
  { requiredKeys: ["name", "oid"] },
);
const asLines = (refs: readonly AdvertisedRef[]): RefBatch => ({
  count: refs.length,
  lines: Buffer.from(
    refs.map((each) => `${each.oid} ${each.name}\n${each.peeled ? `^${each.peeled}\n` : ""}`).join(""),
  ),
});

it("tells lines as it tells the refs one by one, in every version and to pushers", async () => {
  const head = fc.option(oid, { nil: undefined });
  const batches = fc.array(
    fc.tuple(fc.array(ref, { maxLength: 6 }), fc.boolean(), fc.constantFrom(1, 1500)),
    {
      maxLength: 4,
    },
  );
  await fc.assert(
    fc.asyncProperty(head, batches, fc.array(oid, { maxLength: 2 }), async (headOid, given, others) => {
      const first: RefBatch[] =
        headOid === undefined ? [] : [[{ name: "HEAD", oid: headOid, symref: "refs/x" }]];
      const told = [
        ...first,
        ...given.map(([refs, lines, times]) => {
          const many = Array.from({ length: times }, () => refs).flat();
          return lines ? asLines(many) : many;
        }),
      ];
      const listed = [first, given.map(([refs, , times]) => Array.from({ length: times }, () => refs))].flat(
        3,
      );
      const more = {
        async *alternateTips() {
          yield* others;
        },
      };
      const inBatches = scriptedHost({
        ...more,
        async *listRefBatches() {
          yield* told;
        },
      });
      const oneByOne = scriptedHost({
        ...more,
        async *listRefs() {
          yield* listed as AdvertisedRef[];
        },
      });
      const chunks = createChunkPool();
      const ask = (host: typeof oneByOne) => [
        ...([0, 1] as const).map((version) => advertiseUploadPack(host, { version, chunks })),
        advertiseReceivePack(host, { chunks }),
        ...[["peel"], []].map((words) =>
          serveUploadPack(host, [packets("command=ls-refs", "0001", ...words, "0000")], {
            version: 2,
            chunks,
          }),
        ),
      ];
      const expected = ask(oneByOne);
      for (const [i, answer] of ask(inBatches).entries()) {
        expect((await collect(answer)).equals(await collect(expected[i]!))).toBe(true);
      }
    }),
    { numRuns: 25 },
  );
});

it("takes large chunks from the pool only where there is much to tell", () => {
  const pool = createChunkPool();
  let taken = 0;
  const chunks = { ...pool, take: () => (taken++, pool.take()) };
  const lines = createLineBatch({ chunks });
  lines.add("few words\n");
  expect(String(Buffer.from(lines.take()))).toBe("000efew words\n");
  expect(taken).toBe(0);
  const { lines: many } = asLines(
    Array.from({ length: 20_000 }, (_, i) => ({ oid: "a".repeat(40), name: `refs/heads/${i}` })),
  ) as { lines: Uint8Array };
  const sizes: number[] = [];
  for (let from = 0; from < many.length; ) {
    from = lines.addRefs(many, from, "none");
    if (lines.full) sizes.push(lines.take().length);
  }
  expect(sizes.every((size) => size > 1_000_000)).toBe(true);
  expect(taken).toBe(sizes.length + 1);
});

it("refuses a ref that no packet can hold", () => {
  const { lines } = asLines([{ oid: "a".repeat(40), name: `refs/${"x".repeat(65_480)}` }]) as {
    lines: Uint8Array;
  };
  expect(() => createLineBatch().addRefs(lines, 0, "none")).toThrow(RangeError);
});
