import type { Kernel } from "../kernel/kernel.ts";
import { hashLength } from "../object-id.ts";
import type { Steps } from "../read/pace.ts";
import { align, SLACK_BYTES } from "../receive/memory-layout.ts";
import { returnWorkspace, takeWorkspace } from "../receive/workspace.ts";
import { badGraph } from "./bad-graph.ts";
import type { GraphColumns } from "./graph-columns.ts";
import { NODE_COMMIT, NODE_TAG } from "./node-kind.ts";

const STEP_NODES = 16 * 1024;
/** What the kernel keeps of a node, at most. */
const NODE_BYTES = 15;

/** What the kernel finds wrong with a node, by its number. */
const FAULTS: readonly string[] = [
  "",
  "its words overlap",
  "a large size is missing",
  "a tree's base is no tree of the pack",
  "a run stands where none may",
  "a tree has too many entries",
  "an object is taken for what it is not",
  "a commit has no tree",
  "a commit's time is past 2^53",
  "a tag has no target",
  "a node is of no known kind",
  "a blob has links",
  "a run is not in the base",
  "a tree stands on too many bases",
];

/**
 * Makes sure that a walk over these columns stays inside them, ends, and meets objects of the types that it expects.
 * The lengths of the columns are taken to fit each other. Answers, with 1 and 0, which nodes others refer to: not bases,
 * nor what is copied from them, which they refer to. The kernel does it, since nothing else of a process that has just
 * started would run so long before it is compiled. Throws PACK_BAD_GRAPH.
 */
export function* checkColumns(columns: GraphColumns): Steps<Uint8Array> {
  checkExternals(columns);
  checkLargeSizes(columns);
  const workspace = takeWorkspace();
  try {
    return yield* checkInKernel(workspace.kernel, workspace.heap, columns);
  } finally {
    returnWorkspace(workspace);
  }
}

function checkExternals({ format, count, kinds, externalOids }: GraphColumns): void {
  const idBytes = hashLength(format);
  for (let node = count; node < kinds.length; node++) {
    const kind = kinds[node]!;
    if (kind < NODE_COMMIT || kind > NODE_TAG) throw badGraph("an external is of no known type", node);
    const at = (node - count) * idBytes;
    if (at === 0) continue;
    let i = 0;
    while (i < idBytes && externalOids[at + i] === externalOids[at + i - idBytes]) i++;
    if (i === idBytes || externalOids[at + i]! < externalOids[at + i - idBytes]!) {
      throw badGraph("its externals are not in order", node);
    }
  }
}

function checkLargeSizes({ largeSizes }: GraphColumns): void {
  for (const size of largeSizes) {
    if (!Number.isSafeInteger(size) || size < 0) throw badGraph("a large size is none");
  }
}

function* checkInKernel(kernel: Kernel, heap: number, columns: GraphColumns): Steps<Uint8Array> {
  const { count, kinds, sizes, largeSizes, starts, words } = columns;
  const { startGraphCheck, checkGraphNodes, checkGraphBases } = kernel.exports;
  const free = align(heap + NODE_BYTES * kinds.length + SLACK_BYTES);
  kernel.ensure(free);
  kernel.bytes.set(kinds, heap);
  startGraphCheck(heap, count, kinds.length, largeSizes.length);
  const judge = (fault: number): void => {
    if (fault !== 0) throw badGraph(FAULTS[fault]!, kernel.exports.faultyNode());
  };
  for (let node = 0; node < count; node += STEP_NODES) {
    const to = Math.min(node + STEP_NODES, count);
    const [start, end] = [starts[node]!, starts[to]!];
    if (start > end || end > words.length) throw badGraph("its words overlap", node);
    const stretch = [sizes.subarray(node, to), starts.subarray(node, to + 1), words.subarray(start, end)];
    const [sizesAt, startsAt, wordsAt] = place(kernel, free, stretch);
    judge(checkGraphNodes(node, to, sizesAt!, startsAt!, wordsAt!));
    yield;
  }
  for (let node = 0; node < count; node += STEP_NODES) {
    judge(checkGraphBases(node, Math.min(node + STEP_NODES, count)));
    yield;
  }
  return kernel.bytes.slice(heap + kinds.length, heap + 2 * kinds.length);
}

/** Copies columns into the kernel's memory; answers where each is. */
function place(kernel: Kernel, from: number, columns: readonly (Uint32Array | Int32Array)[]): number[] {
  kernel.ensure(columns.reduce((at, { byteLength }) => at + byteLength, from));
  let end = from;
  return columns.map(({ buffer, byteOffset, byteLength }) => {
    const at = end;
    kernel.bytes.set(new Uint8Array(buffer, byteOffset, byteLength), at);
    end += byteLength;
    return at;
  });
}
