import { align, SLACK_BYTES } from "../receive/memory-layout.ts";
import { returnWorkspace, takeWorkspace } from "../receive/workspace.ts";

/**
 * Index positions in the order in which their entries lie in the pack: as the reverse index has it, where there is one
 * that is in order, else sorted. `undefined` where an offset has more than 31 bits. The kernel does it, since this is
 * among the first things that a process does with a pack, and would run long before it is compiled.
 *
 * @param table An index's table of 32-bit offsets (gitformat-pack), as in the file.
 * @param reverse Positions in a reverse index, as in the file.
 */
export function orderEntries(table: Uint8Array, reverse: Uint8Array | undefined): Uint32Array | undefined {
  const count = table.length / 4;
  const workspace = takeWorkspace();
  try {
    const { kernel, heap: offsetsAt } = workspace;
    const orderAt = align(offsetsAt + table.length + SLACK_BYTES);
    const spareAt = align(orderAt + table.length + SLACK_BYTES);
    kernel.ensure(spareAt + table.length);
    const { swapWords, isInOrder, sortByOffset } = kernel.exports;
    kernel.bytes.set(table, offsetsAt);
    swapWords(offsetsAt, count);
    let isOrdered = false;
    if (reverse !== undefined) {
      kernel.bytes.set(reverse, orderAt);
      swapWords(orderAt, count);
      isOrdered = isInOrder(offsetsAt, count, orderAt) !== 0;
    }
    isOrdered ||= sortByOffset(offsetsAt, count, orderAt, spareAt) !== 0;
    return isOrdered ? kernel.words.slice(orderAt >>> 2, (orderAt >>> 2) + count) : undefined;
  } finally {
    returnWorkspace(workspace);
  }
}
