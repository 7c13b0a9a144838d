import { describe, expect, it } from "vitest";
import { finishAtOnce } from "../read/pace.ts";
import { checkColumns } from "./check-columns.ts";
import { type GraphColumns, SIZE_LARGE, SIZE_UNKNOWN } from "./graph-columns.ts";
import { MAX_TREE_ENTRIES } from "./link-words.ts";
import {
  GITLINK,
  MAX_BASE_DEPTH,
  NODE_BLOB,
  NODE_COMMIT,
  NODE_TAG,
  NODE_TREE,
  NODE_TREE_BY_BASE,
} from "./node-kind.ts";

const RUN = 0x80000000;

type Node = readonly [kind: number, ...words: number[]];

/** Columns of these nodes, and of externals of these kinds behind them. */
function columnsOf(nodes: readonly Node[], externals: readonly number[] = []): GraphColumns {
  const starts = new Uint32Array(nodes.length + 1);
  for (const [i, node] of nodes.entries()) starts[i + 1] = starts[i]! + node.length - 1;
  return {
    format: "sha1",
    packChecksum: new Uint8Array(20),
    count: nodes.length,
    kinds: Uint8Array.from([...nodes.map(([kind]) => kind), ...externals]),
    sizes: new Uint32Array(nodes.length),
    largeSizes: new Float64Array(0),
    starts,
    ends: starts.subarray(1),
    words: Int32Array.from(nodes.flatMap(([, ...words]) => words)),
    externalOids: Uint8Array.from({ length: externals.length * 20 }, (_, i) => Math.floor(i / 20)),
  };
}

const check = (columns: GraphColumns): number[] => [...finishAtOnce(checkColumns(columns))];
const refusal = (why: string): unknown =>
  expect.objectContaining({ code: "PACK_BAD_GRAPH", message: expect.stringContaining(why) });

/** A blob, a tree of two entries, one told by it, a commit of that, its child, a tag. */
const SOUND: readonly Node[] = [
  [NODE_BLOB],
  [NODE_TREE, 0, GITLINK],
  [NODE_TREE_BY_BASE, 1, RUN | 2, 0, 6],
  [NODE_COMMIT, -1, 0x1fffff, 2],
  [NODE_COMMIT, 0, 0, 1, 3, 3],
  [NODE_TAG, 4],
];
const changed = (node: number, to: Node): Node[] => SOUND.with(node, to);

describe("checkColumns", () => {
  it("tells what others refer to", () => {
    expect(check(columnsOf(SOUND, [NODE_BLOB]))).toEqual([1, 1, 1, 1, 1, 0, 1]);
    expect(check(columnsOf([]))).toEqual([]);
  });

  it.each<[why: string, node: number, to: Node]>([
    ["a node is of no known kind", 0, [5]],
    ["a node is of no known kind", 0, [0]],
    ["a blob has links", 0, [NODE_BLOB, 0]],
    ["a run stands where none may", 1, [NODE_TREE, RUN | 1, 0]],
    ["an object is taken for what it is not", 1, [NODE_TREE, 3]],
    ["an object is taken for what it is not", 1, [NODE_TREE, 7]],
    ["a tree's base is no tree of the pack", 2, [NODE_TREE_BY_BASE]],
    ["a tree's base is no tree of the pack", 2, [NODE_TREE_BY_BASE, 0]],
    ["a tree's base is no tree of the pack", 2, [NODE_TREE_BY_BASE, 6]],
    ["a tree's base is no tree of the pack", 2, [NODE_TREE_BY_BASE, -1]],
    ["a tree stands on too many bases", 2, [NODE_TREE_BY_BASE, 2]],
    ["a run stands where none may", 2, [NODE_TREE_BY_BASE, 1, RUN | 1]],
    ["a run is not in the base", 2, [NODE_TREE_BY_BASE, 1, RUN, 0]],
    ["a run is not in the base", 2, [NODE_TREE_BY_BASE, 1, RUN | 1, -1]],
    ["a run is not in the base", 2, [NODE_TREE_BY_BASE, 1, RUN | 1, 2]],
    ["a run is not in the base", 2, [NODE_TREE_BY_BASE, 1, RUN | 3, 0, RUN | 1, 0]],
    ["a run is not in the base", 2, [NODE_TREE_BY_BASE, 1, RUN | 1, 0x7fffffff]],
    ["a tree has too many entries", 2, [NODE_TREE_BY_BASE, 1, RUN | (MAX_TREE_ENTRIES + 1), 0]],
    ["a tree has too many entries", 2, [NODE_TREE_BY_BASE, 1, -1, 0, -1, 0, RUN | 2, 0]],
    ["a commit has no tree", 3, [NODE_COMMIT, 0, 0]],
    ["a commit's time is past 2^53", 3, [NODE_COMMIT, 0, 0x200000, 1]],
    ["a commit's time is past 2^53", 3, [NODE_COMMIT, 0, -1, 1]],
    ["an object is taken for what it is not", 3, [NODE_COMMIT, 0, 0, 0]],
    ["an object is taken for what it is not", 3, [NODE_COMMIT, 0, 0, 1, 1]],
    ["an object is taken for what it is not", 3, [NODE_COMMIT, 0, 0, -1]],
    ["a tag has no target", 5, [NODE_TAG]],
    ["a tag has no target", 5, [NODE_TAG, 1, 1]],
    ["a tag has no target", 5, [NODE_TAG, 7]],
  ])("finds that %s (node %i)", (why, node, to) => {
    expect(() => check(columnsOf(changed(node, to), [NODE_BLOB]))).toThrow(refusal(why));
    expect(() => check(columnsOf(changed(node, to), [NODE_BLOB]))).toThrow(refusal(`(node ${node})`));
  });

  it("holds words, sizes and externals within bounds", () => {
    const sound = columnsOf(SOUND, [NODE_BLOB, NODE_TAG]);
    const falling = sound.starts.with(3, 0);
    expect(() => check({ ...sound, starts: falling })).toThrow(refusal("its words overlap"));
    const past = sound.starts.with(SOUND.length, sound.words.length + 1);
    expect(() => check({ ...sound, starts: past })).toThrow(refusal("its words overlap"));
    const sizes = sound.sizes.with(4, SIZE_LARGE + 1).with(1, SIZE_UNKNOWN);
    expect(check({ ...sound, sizes, largeSizes: Float64Array.of(1, 2 ** 40) })).toHaveLength(8);
    expect(() => check({ ...sound, sizes, largeSizes: Float64Array.of(1) })).toThrow(
      refusal("a large size is missing (node 4)"),
    );
    for (const none of [-1, 0.5, Number.NaN, 2 ** 53]) {
      expect(() => check({ ...sound, largeSizes: Float64Array.of(none) })).toThrow(refusal("a large size"));
    }
    expect(() => check(columnsOf(SOUND, [NODE_BLOB, NODE_TREE_BY_BASE]))).toThrow(refusal("(node 7)"));
    const same = sound.externalOids.fill(3);
    expect(() => check({ ...sound, externalOids: same })).toThrow(refusal("not in order (node 7)"));
  });

  it("counts bases in whatever order trees come, and across stretches", () => {
    const chain = (length: number, isReversed: boolean): Node[] => {
      const place = (i: number): number => (isReversed ? length - i : i);
      const nodes: Node[] = [];
      nodes[place(0)] = [NODE_TREE, GITLINK];
      for (let i = 1; i <= length; i++)
        nodes[place(i)] = [NODE_TREE_BY_BASE, place(i - 1), RUN | 1, 0] as Node;
      return nodes;
    };
    for (const isReversed of [false, true]) {
      expect(check(columnsOf(chain(MAX_BASE_DEPTH, isReversed)))).toHaveLength(MAX_BASE_DEPTH + 1);
      expect(() => check(columnsOf(chain(MAX_BASE_DEPTH + 1, isReversed)))).toThrow(
        refusal("too many bases"),
      );
    }
    const round: Node[] = [
      [NODE_TREE_BY_BASE, 1],
      [NODE_TREE_BY_BASE, 0],
    ];
    expect(() => check(columnsOf(round))).toThrow(refusal("too many bases"));

    const many = 40_000;
    const versions = Array.from({ length: many }, (_, i): Node => {
      return [NODE_TREE_BY_BASE, i < MAX_BASE_DEPTH ? many : i % MAX_BASE_DEPTH, RUN | 1, 0];
    });
    const columns = columnsOf([...versions, [NODE_TREE, GITLINK]]);
    expect(check(columns).filter((isReferred) => isReferred === 1)).toEqual([]);
    const last = columns.words.with((many - 1) * 3 + 2, 1);
    expect(() => check({ ...columns, words: last })).toThrow(refusal(`in the base (node ${many - 1})`));
  });
});
