import { isTreeMode, type ObjectFormat, walkTree } from "@millrace/pack";
import type { SizeBook } from "./size-book.ts";

/**
 * The sizes of a tree's entries as far as a book has them, in their order, NaN for the others; `undefined` where it has none, or where the
 * tree is malformed, which is for its reader to say.
 */
export function sizesOf(content: Uint8Array, format: ObjectFormat, book: SizeBook): Float64Array | undefined {
  if (book.count === 0) return undefined;
  const sizes: number[] = [];
  let isOneKnown = false;
  try {
    walkTree(content, format, (mode, oidOffset) => {
      const sizeBytes = isTreeMode(mode) ? undefined : book.at(content, oidOffset);
      isOneKnown ||= sizeBytes !== undefined;
      sizes.push(sizeBytes ?? NaN);
    });
  } catch {
    return undefined;
  }
  return isOneKnown ? Float64Array.from(sizes) : undefined;
}
