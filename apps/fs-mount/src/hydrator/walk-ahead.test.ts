import fc from "fast-check";
import { describe, expect, it } from "vitest";
import { numberedBlob, oidOf } from "../../test/support/fake-source.ts";
import { FileOrder } from "./file-order.ts";
import { WalkAhead } from "./walk-ahead.ts";

describe.each(["sha1", "sha256"] as const)("an order of files, %s", (format) => {
  const oids = Array.from({ length: 300 }, (_, i) => oidOf(numberedBlob(i), format));

  it("finds each at its place, the first one where it is there twice", () => {
    const order = new FileOrder(format, [...oids, ...oids]);
    expect(order.length).toBe(600);
    expect(oids.map((oid) => order.find(oid))).toEqual(oids.map((_, i) => i));
    expect([0, 299, 300].map((at) => order.at(at))).toEqual([oids[0], oids[299], oids[0]]);
    expect(order.find(oidOf(numberedBlob(301), format))).toBe(-1);
  });

  it("of no files has none", () => {
    expect(new FileOrder(format, []).find(oids[0]!)).toBe(-1);
  });
});

describe("whoever walks over a tree", () => {
  const oids = Array.from({ length: 3000 }, (_, i) => oidOf(numberedBlob(i)));
  const order = new FileOrder("sha1", oids);
  const open = (ahead: WalkAhead, from: number, to: number): string[][] =>
    oids
      .slice(from, to)
      .map((oid) => [...ahead.opened(oid, false)])
      .filter((offered) => offered.length > 0);

  it("finds the next files here: more each time, each once, and all of them", () => {
    const offers = open(new WalkAhead(order, 1024), 0, 3000);
    expect(offers.map((offer) => offer.length)).toEqual([256, 512, 1024, 1024, 181]);
    expect(offers.flat()).toEqual(oids.slice(3));
  });

  it("is not whoever opens one file, or two", () => {
    const ahead = new WalkAhead(order, 1024);
    expect(open(ahead, 0, 2)).toEqual([]);
    expect(open(ahead, 1000, 1002)).toEqual([]);
    expect(ahead.opened("0".repeat(40), false)).toEqual([]);
  });

  it("is offered again what did not come, or is gone, and less of it", () => {
    const ahead = new WalkAhead(order, 1024);
    open(ahead, 0, 100);
    const again = [...ahead.opened(oids[100]!, true)];
    expect(again).toEqual(oids.slice(101, 101 + 256));
    for (let i = 101; i < 110; i++) ahead.opened(oids[i]!, true);
    expect(ahead.opened(oids[110]!, true)).toEqual(oids.slice(111, 111 + 16));
  });

  it("may be several, each with files of their own", () => {
    const ahead = new WalkAhead(order, 256);
    const offers: string[][] = [];
    for (let i = 0; i < 3; i++)
      for (const start of [0, 2000]) offers.push(...open(ahead, start + i, start + i + 1));
    expect(offers).toEqual([oids.slice(3, 259), oids.slice(2003, 2259)]);
  });

  it("is told no file twice and none that they have opened, whatever they open", () => {
    const small = new FileOrder("sha1", oids.slice(0, 600));
    fc.assert(
      fc.property(fc.array(fc.tuple(fc.nat(599), fc.integer({ min: 1, max: 40 }))), (runs) => {
        const ahead = new WalkAhead(small, 300);
        const seen = new Set<string>();
        for (const [start, length] of runs) {
          for (const oid of oids.slice(start, Math.min(600, start + length))) {
            const offered = ahead.opened(oid, false);
            seen.add(oid);
            for (const each of offered) {
              expect(seen.has(each)).toBe(false);
              seen.add(each);
            }
          }
        }
      }),
    );
  });
});
