import fc from "fast-check";
import { expect, test } from "vitest";
import { suggestSegment } from "./compact-stack.ts";

test("tables are merged where their sizes do not fall geometrically", () => {
  const cases: [number[], [number, number] | undefined][] = [
    [[], undefined],
    [[5], undefined],
    [[64, 32, 16, 8, 4, 2, 1], undefined],
    [
      [64, 32, 16, 8, 4, 3, 1],
      [0, 6],
    ],
    [
      [512, 64, 17, 16, 9, 9, 9, 16, 2, 16],
      [1, 10],
    ],
    [
      [128, 32, 16, 8, 4, 3, 1],
      [1, 6],
    ],
    [
      [1, 1],
      [0, 2],
    ],
    [[100, 1], undefined],
  ];
  for (const [sizes, range] of cases) {
    const segment = suggestSegment(sizes, 2);
    expect(segment === undefined ? undefined : [segment.start, segment.end], sizes.join()).toEqual(range);
  }
});

test("a stack that is compacted after each table stays as small as a logarithm of what it holds", () => {
  fc.assert(
    fc.property(fc.array(fc.integer({ min: 1, max: 1000 }), { maxLength: 200 }), (added) => {
      let sizes: number[] = [];
      for (const size of added) {
        sizes.push(size);
        const segment = suggestSegment(sizes, 2);
        if (segment !== undefined) {
          const { start, end } = segment;
          const merged = sizes.slice(start, end).reduce((sum, each) => sum + each, 0);
          sizes = [...sizes.slice(0, start), merged, ...sizes.slice(end)];
        }
        for (let i = 1; i < sizes.length; i++) {
          expect(sizes[i - 1]).toBeGreaterThanOrEqual(2 * (sizes[i] as number));
        }
      }
    }),
  );
});
