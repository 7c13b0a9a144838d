/** The pack engine's kernel: everything that its WebAssembly module exports. */
export { adler32 } from "./adler";
export { crc32 } from "./crc";
export { applyDelta, applyDeltaTracked, rangeCount } from "./delta";
export { encodeDelta } from "./delta-encode";
export { deltaIndexBytes, indexDeltaBase } from "./delta-index";
export { checkGraphBases, checkGraphNodes, faultyNode, startGraphCheck } from "./graph-check";
export { findWords, wordsScanned } from "./find-words";
export { inflate } from "./inflate";
export { linkIds, linkInto, linkWords } from "./link-records";
export { isInOrder, sortByOffset, swapWords } from "./offset-order";
export { sha1Finish, sha1Start, sha1Update } from "./sha1";
export { sha1Many } from "./sha1-lanes";
// For tests: the two steps of detection that few known attacks exercise.
export { findSuspects } from "./sha1-detect";
export { recompress58, recompress65 } from "./sha1-rounds";
export { sha256 } from "./sha256";
export { scanTree, scanTreeByBase } from "./tree";
export { treeAttributes, treeIsRemarkable, treeModules } from "./tree-entry";

/** Where the memory that callers use freely starts; what the kernel uses itself lies below. */
export function heapStart(): usize {
  return (__heap_base + 63) & ~63;
}
